/* A step that repeats, followed in C: graphscope.engine.follow says what this is, and does the same in Python.

   All of it runs under Python's lock. Nothing here is told by a call what an op was: the entry that the step
   is predicted to have next is compared in place, and two clock readings are stored. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

typedef struct {
    PyObject_HEAD
    Py_ssize_t i;          /* the next node of the step */
    Py_ssize_t where;      /* scope << 2 | phase */
    unsigned long thread;  /* whose ops are recorded */
    PyObject *plan;        /* entries (plan, u, v, where) */
    PyObject *rids;        /* what tensors and nodes of the step are numbered with */
    PyObject *told;        /* shapes of the step before: (number, of nodes, of ports) */
    PyObject *calls;       /* the nodes as calls: (op, params, where, dtype, plan, u, v, rest), or None */
    PyObject *kind;        /* "train", "eval", or None: not known yet */
    PyObject *root;        /* the outermost module of the step */
    PyObject *stack;       /* scopes to go back to */
    PyObject *token;       /* whose the scopes are that modules carry */
    Py_ssize_t scope;
    Py_ssize_t phase;
    Py_ssize_t inside;     /* how many modules are open */
    char after;            /* a backward has ended */
    char unsettled;        /* what the next op means is open */
    Py_buffer begin;       /* two arrays of 64-bit integers, held on track; they can't be resized meanwhile */
    Py_buffer end;
    Py_ssize_t room;       /* how many fit; 0 off track */
} Follower;

static PyTypeObject FollowerType;

/* Where the attributes that are read and written for every op lie in their objects. */
static PyTypeObject *tensor_type, *node_type;
static Py_ssize_t tensor_rid, tensor_array, tensor_grad, node_rid, node_plan;
static PyObject *grad_mode; /* the context variable that says whether gradients are wanted */
static PyObject *text_dtype, *text_shape, *text_writes, *text_scope, *text_eval;

#define AT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

static inline void put(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    PyObject *before = AT(object, offset);
    Py_INCREF(value);
    AT(object, offset) = value;
    Py_XDECREF(before);
}

/* ---------------------------------------------------------------- the type */

static int follower_traverse(Follower *self, visitproc visit, void *arg)
{
    Py_VISIT(self->plan);
    Py_VISIT(self->rids);
    Py_VISIT(self->told);
    Py_VISIT(self->calls);
    Py_VISIT(self->kind);
    Py_VISIT(self->root);
    Py_VISIT(self->stack);
    Py_VISIT(self->token);
    Py_VISIT(self->begin.obj);
    Py_VISIT(self->end.obj);
    return 0;
}

static void let_go(Follower *self)
{
    self->room = 0;
    PyBuffer_Release(&self->begin);
    PyBuffer_Release(&self->end);
}

static int follower_clear(Follower *self)
{
    let_go(self);
    Py_CLEAR(self->plan);
    Py_CLEAR(self->rids);
    Py_CLEAR(self->told);
    Py_CLEAR(self->calls);
    Py_CLEAR(self->kind);
    Py_CLEAR(self->root);
    Py_CLEAR(self->stack);
    Py_CLEAR(self->token);
    return 0;
}

static void follower_dealloc(Follower *self)
{
    PyObject_GC_UnTrack(self);
    follower_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* times(begin, end) */
static PyObject *follower_times(Follower *self, PyObject *const *args, Py_ssize_t n)
{
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "times takes two arrays, or None twice");
        return NULL;
    }
    let_go(self);
    if (args[0] == Py_None) {
        Py_RETURN_NONE;
    }
    if (PyObject_GetBuffer(args[0], &self->begin, PyBUF_WRITABLE) < 0 ||
        PyObject_GetBuffer(args[1], &self->end, PyBUF_WRITABLE) < 0) {
        let_go(self);
        return NULL;
    }
    if (self->begin.itemsize != 8 || self->end.itemsize != 8) {
        let_go(self);
        PyErr_SetString(PyExc_TypeError, "times takes arrays of 64-bit integers");
        return NULL;
    }
    self->room = (self->begin.len < self->end.len ? self->begin.len : self->end.len) / 8;
    Py_RETURN_NONE;
}

/* again(there, before, base, n, ports, span, phase) */
static PyObject *follower_again(Follower *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 7 || !tensor_type || !PyList_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "again takes a list and six integers");
        return NULL;
    }
    PyObject *there = args[0];
    long long before = PyLong_AsLongLong(args[1]), base = PyLong_AsLongLong(args[2]);
    Py_ssize_t n = PyLong_AsSsize_t(args[3]), m = PyList_GET_SIZE(there);
    long long ports = PyLong_AsLongLong(args[4]);
    long span = PyLong_AsLong(args[5]), phase = PyLong_AsLong(args[6]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *rids = PyList_New(n + m);
    if (!rids) {
        return NULL;
    }
    for (Py_ssize_t k = 0; k < n + m; k++) {
        PyObject *rid = PyLong_FromLongLong(k < n ? base + k : base + ports + (k - n));
        if (!rid) {
            Py_DECREF(rids);
            return NULL;
        }
        PyList_SET_ITEM(rids, k, rid);
    }
    for (Py_ssize_t k = 0; k < m && k < PyList_GET_SIZE(there); k++) {
        PyObject *reference = PyList_GET_ITEM(there, k), *x;
        if (!PyWeakref_CheckRef(reference)) {
            continue; /* nothing came in there */
        }
#if PY_VERSION_HEX >= 0x030D0000
        if (PyWeakref_GetRef(reference, &x) < 0) {
            Py_DECREF(rids);
            return NULL;
        }
        if (!x) {
            continue;
        }
#else
        x = PyWeakref_GetObject(reference);
        if (x == Py_None) {
            continue;
        }
        Py_INCREF(x);
#endif
        if (PyObject_TypeCheck(x, tensor_type)) {
            PyObject *rid = AT(x, tensor_rid);
            if (rid && PyLong_Check(rid)) {
                int overflow;
                long long at = PyLong_AsLongLongAndOverflow(rid, &overflow);
                if (!overflow && (at - before) >> span == 0) {
                    put(x, tensor_rid, PyList_GET_ITEM(rids, n + k));
                }
            }
        }
        Py_DECREF(x);
    }
    Py_XSETREF(self->rids, rids);
    Py_INCREF(Py_None);
    Py_XSETREF(self->kind, Py_None);
    Py_INCREF(Py_None);
    Py_XSETREF(self->root, Py_None);
    self->i = self->scope = self->inside = 0;
    self->phase = self->where = phase; /* the scope is 0 */
    self->after = 0;
    self->unsettled = 1;
    PyObject *stack = PyList_New(0); /* another one: who closes a step in its middle keeps that of before */
    if (!stack) {
        return NULL;
    }
    Py_XSETREF(self->stack, stack);
    Py_RETURN_NONE;
}

static PyMethodDef follower_methods[] = {
    {"times", (PyCFunction)(void (*)(void))follower_times, METH_FASTCALL,
     "Store the times of this step in two arrays of 64-bit integers (None twice: in none)."},
    {"again", (PyCFunction)(void (*)(void))follower_again, METH_FASTCALL, "Begin a step that is predicted to be as the one before."},
    {NULL},
};

static PyMemberDef follower_members[] = {
    {"i", T_PYSSIZET, offsetof(Follower, i), 0, NULL},
    {"where", T_PYSSIZET, offsetof(Follower, where), 0, NULL},
    {"thread", T_ULONG, offsetof(Follower, thread), 0, NULL},
    {"plan", T_OBJECT_EX, offsetof(Follower, plan), 0, NULL},
    {"rids", T_OBJECT_EX, offsetof(Follower, rids), 0, NULL},
    {"told", T_OBJECT_EX, offsetof(Follower, told), 0, NULL},
    {"calls", T_OBJECT_EX, offsetof(Follower, calls), 0, NULL},
    {"kind", T_OBJECT_EX, offsetof(Follower, kind), 0, NULL},
    {"root", T_OBJECT_EX, offsetof(Follower, root), 0, NULL},
    {"stack", T_OBJECT_EX, offsetof(Follower, stack), 0, NULL},
    {"token", T_OBJECT_EX, offsetof(Follower, token), 0, NULL},
    {"scope", T_PYSSIZET, offsetof(Follower, scope), 0, NULL},
    {"phase", T_PYSSIZET, offsetof(Follower, phase), 0, NULL},
    {"inside", T_PYSSIZET, offsetof(Follower, inside), 0, NULL},
    {"after", T_BOOL, offsetof(Follower, after), 0, NULL},
    {"unsettled", T_BOOL, offsetof(Follower, unsettled), 0, NULL},
    {NULL},
};

static PyTypeObject FollowerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._follow.Follower",
    .tp_doc = "What a recorder that follows a repeated step keeps where C can reach it.",
    .tp_basicsize = sizeof(Follower),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_traverse = (traverseproc)follower_traverse,
    .tp_clear = (inquiry)follower_clear,
    .tp_dealloc = (destructor)follower_dealloc,
    .tp_methods = follower_methods,
    .tp_members = follower_members,
};

/* ---------------------------------------------------------------- following */

/* The entry that comes next, or NULL where nothing is predicted (which is no error). */
static inline PyObject *expected(Follower *self)
{
    Py_ssize_t i = self->i;
    PyObject *plan = self->plan;
    /* A list of another class answers by its __getitem__, and is empty: it predicts nothing. */
    if (!plan || !PyList_Check(plan) || i < 0 || i >= PyList_GET_SIZE(plan) || i >= self->room) {
        return NULL;
    }
    PyObject *entry = PyList_GET_ITEM(plan, i);
    return tensor_type && PyTuple_Check(entry) && PyTuple_GET_SIZE(entry) == 4 ? entry : NULL;
}

/* Whether a tensor is the one whose number stands at this place. */
static inline int is_from(Follower *self, PyObject *x, PyObject *place)
{
    Py_ssize_t k = PyLong_AsSsize_t(place);
    PyObject *rids = self->rids;
    if (k < 0 || k >= PyList_GET_SIZE(rids) || !PyObject_TypeCheck(x, tensor_type)) {
        if (k == -1) {
            PyErr_Clear(); /* no number at all */
        }
        return 0;
    }
    return AT(x, tensor_rid) == PyList_GET_ITEM(rids, k);
}

/* Whether an op belongs to the running step, and nothing has to be decided. op: NULL for one that never writes. */
static int is_settled(Follower *self, PyObject *op, PyObject *node)
{
    if (!self->unsettled) {
        return 1;
    }
    if (!self->after) { /* an evaluation, which goes on with ops that want no gradient */
        return self->kind && self->kind == text_eval && node == Py_None;
    }
    if (op) {
        PyObject *writes = PyObject_GetAttr(op, text_writes);
        if (!writes) {
            return -1;
        }
        Py_DECREF(writes);
        if (writes == Py_True) {
            return 1; /* it updates */
        }
    }
    if (self->inside || !grad_mode) {
        return 0;
    }
    PyObject *wanted;
    if (PyContextVar_Get(grad_mode, NULL, &wanted) < 0) {
        return -1;
    }
    Py_XDECREF(wanted);
    return wanted == Py_False;
}

static inline int fits(Follower *self, PyObject *entry, PyObject *a, PyObject *b, PyObject *node)
{
    if (self->unsettled) {
        int settled = is_settled(self, NULL, node);
        if (settled < 1) {
            return settled;
        }
    }
    return self->rids && PyList_Check(self->rids) &&
           PyLong_AsSsize_t(PyTuple_GET_ITEM(entry, 3)) == self->where &&
           PyThread_get_thread_ident() == self->thread && is_from(self, a, PyTuple_GET_ITEM(entry, 1)) &&
           (b == Py_None || is_from(self, b, PyTuple_GET_ITEM(entry, 2)));
}

/* Note the next node with its times, and number what it made. */
static inline PyObject *note(Follower *self, PyObject *out, PyObject *node, PyObject *t0, PyObject *t1)
{
    Py_ssize_t i = self->i;
    long long begin = PyLong_AsLongLong(t0), end = PyLong_AsLongLong(t1);
    if ((begin == -1 || end == -1) && PyErr_Occurred()) {
        return NULL;
    }
    if (!self->rids || !PyList_Check(self->rids) || i >= PyList_GET_SIZE(self->rids) || i >= self->room) {
        Py_RETURN_FALSE;
    }
    PyObject *rid = PyList_GET_ITEM(self->rids, i);
    ((int64_t *)self->begin.buf)[i] = begin;
    ((int64_t *)self->end.buf)[i] = end;
    self->i = i + 1;
    Py_INCREF(rid);  /* what is replaced may run code as it dies */
    if (out && PyObject_TypeCheck(out, tensor_type)) {
        put(out, tensor_rid, rid);
    }
    if (node && node != Py_None && Py_TYPE(node) == node_type) {
        put(node, node_rid, rid);
    }
    Py_DECREF(rid);
    Py_RETURN_TRUE;
}

/* Whether params, dtype and shape are those that were predicted; the shape is that of the step before. */
static int is_alike(Follower *self, PyObject *known, PyObject *key, PyObject *dtype_known, PyObject *array)
{
    PyObject *told = self->told;
    if (!told || !PyTuple_Check(told) || PyTuple_GET_SIZE(told) != 3) {
        return 0;
    }
    PyObject *shapes = PyTuple_GET_ITEM(told, 1);
    Py_ssize_t i = self->i;
    if (!PyList_Check(shapes) || i >= PyList_GET_SIZE(shapes)) {
        return 0;
    }
    PyObject *was = PyList_GET_ITEM(shapes, i);
    Py_INCREF(was); /* a comparison may run code of the user's */
    Py_INCREF(known);
    Py_INCREF(dtype_known);
    int same = PyObject_RichCompareBool(known, key, Py_EQ);
    if (same == 1) {
        PyObject *dtype = PyObject_GetAttr(array, text_dtype);
        same = dtype ? dtype == dtype_known : -1;
        Py_XDECREF(dtype);
    }
    if (same == 1) {
        PyObject *shape = PyObject_GetAttr(array, text_shape);
        same = shape ? PyObject_RichCompareBool(shape, was, Py_EQ) : -1;
        Py_XDECREF(shape);
    }
    Py_DECREF(was);
    Py_DECREF(known);
    Py_DECREF(dtype_known);
    return same == 1 ? self->i == i && i < self->room : same;
}

/* follow(rec, plan, a, b, out, node, t0, t1) */
static PyObject *follow(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 8) {
        PyErr_SetString(PyExc_TypeError, "follow takes 8 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    if (!PyObject_TypeCheck(args[0], &FollowerType)) {
        Py_RETURN_FALSE;
    }
    PyObject *entry = expected(self);
    if (!entry || PyTuple_GET_ITEM(entry, 0) != args[1]) {
        Py_RETURN_FALSE;
    }
    int same = fits(self, entry, args[2], args[3], args[5]);
    if (same < 1) {
        return same ? NULL : PyBool_FromLong(0);
    }
    return note(self, args[4], args[5], args[6], args[7]);
}

/* follow_like(rec, plan, key, array, a, b, out, node, t0, t1): where dtype and shape do not follow from the inputs */
static PyObject *follow_like(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 10) {
        PyErr_SetString(PyExc_TypeError, "follow_like takes 10 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    if (!PyObject_TypeCheck(args[0], &FollowerType)) {
        Py_RETURN_FALSE;
    }
    PyObject *entry = expected(self), *known;
    if (!entry || !PyTuple_CheckExact(known = PyTuple_GET_ITEM(entry, 0)) || PyTuple_GET_SIZE(known) != 3 ||
        PyTuple_GET_ITEM(known, 0) != args[1]) {
        Py_RETURN_FALSE;
    }
    int same = fits(self, entry, args[4], args[5], args[7]);
    if (same == 1) {
        same = is_alike(self, PyTuple_GET_ITEM(known, 1), args[2], PyTuple_GET_ITEM(known, 2), args[3]);
    }
    if (same < 1) {
        return same ? NULL : PyBool_FromLong(0);
    }
    return note(self, args[6], args[7], args[8], args[9]);
}

/* follow_call(rec, op, params, a, b, rest, out, t0, t1, node): any op on the host, as the recorder is told of it */
static PyObject *follow_call(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 10) {
        PyErr_SetString(PyExc_TypeError, "follow_call takes 10 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    PyObject *op = args[1], *a = args[3], *b = args[4], *rest = args[5], *out = args[6], *node = args[9], *calls, *call;
    if (!PyObject_TypeCheck(args[0], &FollowerType) || !expected(self)) {
        Py_RETURN_FALSE;
    }
    calls = self->calls;
    if (!calls || !PyList_Check(calls) || self->i >= PyList_GET_SIZE(calls) || !self->rids || !PyList_Check(self->rids) ||
        PyThread_get_thread_ident() != self->thread || !PyObject_TypeCheck(out, tensor_type) ||
        (node != Py_None && Py_TYPE(node) != node_type) || !PyTuple_Check(rest)) {
        Py_RETURN_FALSE;
    }
    call = PyList_GET_ITEM(calls, self->i);
    if (!PyTuple_Check(call) || PyTuple_GET_SIZE(call) != 8 || PyTuple_GET_ITEM(call, 0) != op ||
        PyLong_AsSsize_t(PyTuple_GET_ITEM(call, 2)) != self->where ||
        PyTuple_GET_ITEM(call, 4) != (node == Py_None ? Py_None : AT(node, node_plan)) ||
        !is_from(self, a, PyTuple_GET_ITEM(call, 5))) {
        Py_RETURN_FALSE;
    }
    PyObject *v = PyTuple_GET_ITEM(call, 6), *more = PyTuple_GET_ITEM(call, 7);
    if (b == Py_None ? PyLong_AsSsize_t(v) >= 0 : !is_from(self, b, v)) {
        Py_RETURN_FALSE;
    }
    Py_ssize_t many = PyTuple_GET_SIZE(rest);
    if (!PyTuple_Check(more) || PyTuple_GET_SIZE(more) != many) {
        Py_RETURN_FALSE;
    }
    for (Py_ssize_t k = 0; k < many; k++) {
        if (!is_from(self, PyTuple_GET_ITEM(rest, k), PyTuple_GET_ITEM(more, k))) {
            Py_RETURN_FALSE;
        }
    }
    PyObject *array = AT(out, tensor_array);
    int same = array ? is_settled(self, op, node) : 0;
    if (same == 1) {
        same = is_alike(self, PyTuple_GET_ITEM(call, 1), args[2], PyTuple_GET_ITEM(call, 3), array);
    }
    if (same < 1) {
        return same ? NULL : PyBool_FromLong(0);
    }
    return note(self, out, node, args[7], args[8]);
}

/* follow_leaf(rec, tensor): its gradient is what the last gradient node made */
static PyObject *follow_leaf(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "follow_leaf takes 2 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    if (!PyObject_TypeCheck(args[0], &FollowerType) || !tensor_type || !self->room || self->i < 1 || !self->plan ||
        !PyList_Check(self->plan) || self->i >= PyList_GET_SIZE(self->plan) || !self->rids || !PyList_Check(self->rids) || self->i > PyList_GET_SIZE(self->rids) ||
        PyThread_get_thread_ident() != self->thread || !PyObject_TypeCheck(args[1], tensor_type)) {
        Py_RETURN_FALSE;
    }
    PyObject *g = AT(args[1], tensor_grad);
    if (!g || !PyObject_TypeCheck(g, tensor_type)) {
        Py_RETURN_FALSE;
    }
    Py_INCREF(g);
    put(g, tensor_rid, PyList_GET_ITEM(self->rids, self->i - 1));
    Py_DECREF(g);
    Py_RETURN_TRUE;
}

/* follow_grad(rec, want, node, t0, t1) */
static PyObject *follow_grad(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 5) {
        PyErr_SetString(PyExc_TypeError, "follow_grad takes 5 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    if (!PyObject_TypeCheck(args[0], &FollowerType) || Py_TYPE(args[2]) != node_type) {
        Py_RETURN_FALSE;
    }
    PyObject *entry = expected(self);
    if (!entry || PyTuple_GET_ITEM(entry, 0) != args[1] || !self->rids || !PyList_Check(self->rids)) {
        Py_RETURN_FALSE;
    }
    Py_ssize_t twin = PyLong_AsSsize_t(PyTuple_GET_ITEM(entry, 1));
    if (PyThread_get_thread_ident() != self->thread || twin < 0 || twin >= PyList_GET_SIZE(self->rids) ||
        AT(args[2], node_rid) != PyList_GET_ITEM(self->rids, twin)) {
        Py_RETURN_FALSE;
    }
    return note(self, NULL, NULL, args[3], args[4]);
}

/* ---------------------------------------------------------------- modules */

/* enter(rec, module, its dict): a module that is known, where no step ends */
static PyObject *enter(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "enter takes 3 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    if (!PyObject_TypeCheck(args[0], &FollowerType) || PyThread_get_thread_ident() != self->thread || !self->stack ||
        !PyList_Check(self->stack) || !self->token || !self->root) {
        Py_RETURN_FALSE;
    }
    if (!self->inside && (self->after || self->kind == text_eval)) {
        Py_RETURN_FALSE;
    }
    if (!PyDict_Check(args[2])) {
        Py_RETURN_FALSE;
    }
    PyObject *known = PyDict_GetItemWithError(args[2], text_scope);
    if (!known) {
        return PyErr_Occurred() ? NULL : PyBool_FromLong(0);
    }
    if (!PyTuple_Check(known) || PyTuple_GET_SIZE(known) != 2 || PyTuple_GET_ITEM(known, 0) != self->token) {
        Py_RETURN_FALSE;
    }
    Py_ssize_t scope = PyLong_AsSsize_t(PyTuple_GET_ITEM(known, 1));
    PyObject *before = PyLong_FromSsize_t(self->scope);
    if (!before || (scope == -1 && PyErr_Occurred()) || PyList_Append(self->stack, before) < 0) {
        Py_XDECREF(before);
        return NULL;
    }
    Py_DECREF(before);
    if (!self->inside && self->root == Py_None) {
        Py_INCREF(args[1]);
        Py_SETREF(self->root, args[1]);
    }
    self->inside++;
    self->scope = scope;
    self->where = scope << 2 | self->phase;
    Py_RETURN_TRUE;
}

/* leave(rec): its forward ended */
static PyObject *leave(PyObject *module, PyObject *self_object)
{
    Follower *self = (Follower *)self_object;
    if (!PyObject_TypeCheck(self_object, &FollowerType) || PyThread_get_thread_ident() != self->thread || !self->stack ||
        !PyList_Check(self->stack) || !self->inside) {
        Py_RETURN_FALSE;
    }
    Py_ssize_t top = PyList_GET_SIZE(self->stack) - 1;
    if (top < 0) {
        Py_RETURN_FALSE;
    }
    Py_ssize_t scope = PyLong_AsSsize_t(PyList_GET_ITEM(self->stack, top));
    if ((scope == -1 && PyErr_Occurred()) || PyList_SetSlice(self->stack, top, top + 1, NULL) < 0) {
        return NULL;
    }
    self->inside--;
    self->scope = scope;
    self->where = scope << 2 | self->phase;
    Py_RETURN_TRUE;
}

/* is_finite(array) */
static PyObject *is_finite(PyObject *module, PyObject *array)
{
    Py_buffer view;
    if (PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) {
        PyErr_Clear(); /* another kind of array, or memory with gaps: the caller looks at it in its own way */
        Py_RETURN_NONE;
    }
    PyObject *found = Py_None;
    const char *format = view.format ? view.format : "";
    if (format[0] == 'f' && !format[1]) {
        const float *x = view.buf;
        float sum = 0;
        for (Py_ssize_t k = 0; k < view.len / 4; k++) {
            sum += x[k] * 0.0f; /* 0, or NaN */
        }
        found = sum == 0 ? Py_True : Py_False;
    } else if (format[0] == 'd' && !format[1]) {
        const double *x = view.buf;
        double sum = 0;
        for (Py_ssize_t k = 0; k < view.len / 8; k++) {
            sum += x[k] * 0.0;
        }
        found = sum == 0 ? Py_True : Py_False;
    }
    PyBuffer_Release(&view);
    Py_INCREF(found);
    return found;
}

/* ---------------------------------------------------------------- the module */

static Py_ssize_t offset_of(PyTypeObject *type, const char *name)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    Py_ssize_t offset = -1;
    if (found && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX) {
            offset = member->offset;
        }
    }
    Py_XDECREF(found);
    if (offset < 0 && !PyErr_Occurred()) {
        PyErr_Format(PyExc_TypeError, "%s.%s is no slot", type->tp_name, name);
    }
    return offset;
}

/* bind(Tensor, Node, grad_mode): where what is needed of them lies. */
static PyObject *bind(PyObject *module, PyObject *args)
{
    PyTypeObject *tensor, *node;
    PyObject *mode;
    if (!PyArg_ParseTuple(args, "O!O!O!:bind", &PyType_Type, &tensor, &PyType_Type, &node, &PyContextVar_Type, &mode)) {
        return NULL;
    }
    struct {
        PyTypeObject *type;
        const char *name;
        Py_ssize_t *at;
    } slots[] = {{tensor, "_rid", &tensor_rid}, {tensor, "_a", &tensor_array}, {tensor, "_grad", &tensor_grad},
                 {node, "rid", &node_rid},      {node, "plan", &node_plan}};
    for (size_t k = 0; k < sizeof slots / sizeof slots[0]; k++) {
        Py_ssize_t found = offset_of(slots[k].type, slots[k].name);
        if (found < 0) {
            return NULL;
        }
        *slots[k].at = found;
    }
    Py_INCREF(tensor);
    Py_INCREF(node);
    Py_INCREF(mode);
    Py_XSETREF(tensor_type, tensor);
    Py_XSETREF(node_type, node);
    Py_XSETREF(grad_mode, mode);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"follow", (PyCFunction)(void (*)(void))follow, METH_FASTCALL,
     "follow(rec, plan, a, b, out, node, t0, t1): note an op if it is the one that comes next; whether it was."},
    {"follow_like", (PyCFunction)(void (*)(void))follow_like, METH_FASTCALL,
     "follow_like(rec, plan, key, array, a, b, out, node, t0, t1): the same, comparing params, dtype and shape."},
    {"follow_call", (PyCFunction)(void (*)(void))follow_call, METH_FASTCALL,
     "follow_call(rec, op, params, a, b, rest, out, t0, t1, node): the same for any op, as a recorder is told of it."},
    {"follow_leaf", (PyCFunction)(void (*)(void))follow_leaf, METH_FASTCALL,
     "follow_leaf(rec, tensor): its gradient is what the last node made; whether that was all to do."},
    {"enter", (PyCFunction)(void (*)(void))enter, METH_FASTCALL,
     "enter(rec, module, its dict): a module that is known starts inside a step; whether it was one."},
    {"leave", leave, METH_O, "leave(rec): it ended; whether that was all to do."},
    {"follow_grad", (PyCFunction)(void (*)(void))follow_grad, METH_FASTCALL,
     "follow_grad(rec, want, node, t0, t1): note a gradient if it is the one that comes next; whether it was."},
    {"is_finite", is_finite, METH_O, "Whether all numbers of a contiguous float array are finite; None: it is none."},
    {"bind", bind, METH_VARARGS, "bind(Tensor, Node, grad_mode): find where what is needed of them lies. Raises: TypeError."},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "graphscope.engine._follow",
    .m_doc = "A step that repeats, followed in C.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__follow(void)
{
    if (PyType_Ready(&FollowerType) < 0) {
        return NULL;
    }
    text_dtype = PyUnicode_InternFromString("dtype");
    text_shape = PyUnicode_InternFromString("shape");
    text_writes = PyUnicode_InternFromString("writes");
    text_scope = PyUnicode_InternFromString("_gs_scope");
    text_eval = PyUnicode_InternFromString("eval");
    PyObject *module = PyModule_Create(&definition);
    if (!module || !text_dtype || !text_shape || !text_writes || !text_scope || !text_eval) {
        Py_XDECREF(module);
        return NULL;
    }
    Py_INCREF(&FollowerType);
    if (PyModule_AddIntConstant(module, "VERSION", 1) < 0 || PyModule_AddObject(module, "Follower", (PyObject *)&FollowerType) < 0) {
        Py_DECREF(&FollowerType);
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
