/* A step that repeats, followed in C: graphscope.engine.follow says what this is, and does the same in Python.

   All of it runs under Python's lock. Nothing here is told by a call what an op was: the entry that the step
   is predicted to have next is compared in place, and two clock readings are stored. */

#include "_run.h"

PyTypeObject FollowerType;
PyTypeObject *newest_follower, *newest_tensor, *tensor_type, *node_type, *array_type;
Py_ssize_t tensor_array, tensor_grad, tensor_wants, tensor_node, tensor_name, node_plan;
PyObject *text_dtype, *text_shape, *clock_function;
char clock_is_monotonic;
static PyObject *grad_mode; /* the context variable that says whether gradients are wanted */
static PyObject *text_writes, *text_scope, *text_eval, *text_train, *text_data;
static long long epoch; /* of the newest step */

static PyMemberDef value_members[] = {{"_rid", T_LONGLONG, offsetof(Numbered, rid), 0, NULL}, {NULL}};
static PyMemberDef step_members[] = {{"rid", T_LONGLONG, offsetof(Numbered, rid), 0, NULL}, {NULL}};

static PyTypeObject NumberedValueType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._follow.NumberedValue",
    .tp_doc = "A tensor's base: its number is written for every op.",
    .tp_basicsize = sizeof(Numbered),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_members = value_members,
};

static PyTypeObject NumberedNodeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._follow.NumberedNode",
    .tp_doc = "A tape node's base.",
    .tp_basicsize = sizeof(Numbered),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_members = step_members,
};

/* ---------------------------------------------------------------- the type */

static int follower_traverse(Follower *self, visitproc visit, void *arg)
{
    Py_VISIT(self->plan);
    Py_VISIT(self->told);
    Py_VISIT(self->packed);
    Py_VISIT(self->kind);
    Py_VISIT(self->root);
    Py_VISIT(self->stack);
    Py_VISIT(self->token);
    Py_VISIT(self->begin.obj);
    Py_VISIT(self->end.obj);
    Py_VISIT(self->num);
    Py_VISIT(self->loss);
    Py_VISIT(self->block);
    Py_VISIT(self->rows.obj);
    Py_VISIT(self->armed);
    Py_VISIT(self->there);
    Py_VISIT(self->ports);
    Py_VISIT(self->port_items);
    Py_VISIT(self->first);
    Py_VISIT(self->trap);
    Py_VISIT(self->trap_leaf);
    Py_VISIT(self->trap_root);
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
    PyBuffer_Release(&self->rows);
    Py_CLEAR(self->num);
    Py_CLEAR(self->loss);
    Py_CLEAR(self->block);
    Py_CLEAR(self->armed);
    Py_CLEAR(self->there);
    Py_CLEAR(self->ports);
    Py_CLEAR(self->port_items);
    Py_CLEAR(self->first);
    Py_CLEAR(self->trap);
    Py_CLEAR(self->trap_leaf);
    Py_CLEAR(self->trap_root);
    Py_CLEAR(self->plan);
    Py_CLEAR(self->told);
    Py_CLEAR(self->packed);
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

/* What a weak reference refers to, as a new reference; NULL without an error: it is gone, or is none. */
static PyObject *alive(PyObject *reference)
{
    PyObject *x = NULL;
    if (!reference || !PyWeakref_CheckRef(reference)) {
        return NULL;
    }
#if PY_VERSION_HEX >= 0x030D0000
    if (PyWeakref_GetRef(reference, &x) < 0) {
        PyErr_Clear();
        return NULL;
    }
#else
    x = PyWeakref_GetObject(reference);
    if (x == Py_None) {
        return NULL;
    }
    Py_XINCREF(x);
#endif
    return x;
}

/* Begin a step that is predicted to be as the one before, which had n nodes. */
static int begin_again(Follower *self, PyObject *there, Py_ssize_t n)
{
    Py_ssize_t m = PyList_GET_SIZE(there);
    long long before = self->base, base = ++epoch << SPAN;
    /* What has a number of the step before is as it was there, since whatever gives a tensor another array
       takes its number away. */
    for (Py_ssize_t k = 0; k < m && k < PyList_GET_SIZE(there); k++) {
        PyObject *x = alive(PyList_GET_ITEM(there, k));
        if (!x) {
            continue; /* nothing came in there, or it is gone */
        }
        if (is_tensor(x)) {
            if ((RID(x) - before) >> SPAN == 0) {
                RID(x) = base + PORTS + k;
            }
        }
        Py_DECREF(x);
    }
    PyObject *stack = PyList_New(0); /* another one: who closes a step in its middle keeps that of before */
    if (!stack) {
        return -1;
    }
    self->base = base;
    self->nodes = n;
    Py_INCREF(Py_None);
    Py_XSETREF(self->kind, Py_None);
    Py_INCREF(Py_None);
    Py_XSETREF(self->root, Py_None);
    Py_INCREF(Py_None);
    Py_XSETREF(self->loss, Py_None);
    Py_XSETREF(self->stack, stack);
    self->nonfinite = 0;
    self->i = self->scope = self->inside = 0;
    self->phase = self->where = FORWARD; /* the scope is 0 */
    self->after = 0;
    self->unsettled = 1;
    return 0;
}

/* again(there, n) */
static PyObject *follower_again(Follower *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !tensor_type || !PyList_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "again takes a list and a number");
        return NULL;
    }
    Py_ssize_t n = PyLong_AsSsize_t(args[1]);
    if ((n == -1 && PyErr_Occurred()) || begin_again(self, args[0], n) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* hold(block): write steps on track down there; None: nowhere */
static PyObject *follower_hold(Follower *self, PyObject *block)
{
    PyBuffer_Release(&self->rows);
    Py_INCREF(Py_None);
    Py_XSETREF(self->block, Py_None);
    if (block != Py_None) {
        if (PyObject_GetBuffer(block, &self->rows, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS | PyBUF_ND) < 0) {
            return NULL;
        }
        if (self->rows.itemsize != 8 || self->rows.ndim != 2 || self->rows.shape[0] < 1 || self->rows.shape[1] < HEAD) {
            PyBuffer_Release(&self->rows);
            PyErr_SetString(PyExc_TypeError, "hold takes an array of rows of 64-bit integers");
            return NULL;
        }
        Py_INCREF(block);
        Py_SETREF(self->block, block);
    }
    Py_RETURN_NONE;
}

/* Write the step down as the next row of the block; 0: there is no room, and nothing was done. */
static int store(Follower *self, long long num, long long wall, long long recording)
{
    if (!self->rows.buf || !self->room) {
        return 0;
    }
    int64_t *first = self->rows.buf;
    Py_ssize_t width = self->rows.shape[1], n = (width - HEAD) / 2, at = (Py_ssize_t)first[0] + 1;
    if (at < 1 || at >= self->rows.shape[0] || n > self->room) {
        return 0;
    }
    double loss = Py_NAN;
    if (self->loss && PyFloat_Check(self->loss)) {
        loss = PyFloat_AS_DOUBLE(self->loss);
    }
    int64_t *row = first + at * width;
    row[0] = self->seq;
    row[1] = num;
    row[2] = self->t0;
    row[3] = wall;
    row[4] = recording;
    row[5] = self->nonfinite;
    memcpy(row + 6, &loss, 8);
    memcpy(row + HEAD, self->begin.buf, 8 * n);
    memcpy(row + HEAD + n, self->end.buf, 8 * n);
    first[0] = at; /* now it can be read */
    return 1;
}

/* store(num, wall, recording) */
static PyObject *follower_store(Follower *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "store takes three integers");
        return NULL;
    }
    long long num = PyLong_AsLongLong(args[0]), wall = PyLong_AsLongLong(args[1]), recording = PyLong_AsLongLong(args[2]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    return PyBool_FromLong(store(self, num, wall, recording));
}

/* End a step that was as predicted, and begin the next one, which is predicted to be the same. 1: done; 0: that is not
   for here, and nothing was done. open: the next one begins inside what is open now. at: when it ended; 0: now. */
static int end_step(Follower *self, long long at, int open)
{
    if (!self->armed || self->armed == Py_None || self->armed != self->plan || !self->there || !PyList_Check(self->there) ||
        self->left <= 0 || self->due || self->kind != text_train || !self->num || !PyDict_Check(self->num) ||
        self->i != PyList_GET_SIZE(self->armed) - 1 || self->i > self->room || !clock_function ||
        PyThread_get_thread_ident() != self->thread) {
        return 0;
    }
    long long began = now_ns();
    if (began == -1 && PyErr_Occurred()) {
        return -1;
    }
    long long now = at ? at : began, wall = now - self->t0;
    PyObject *number = PyDict_GetItemWithError(self->num, text_train);
    if (!number || now >= self->until) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_ssize_t n = self->i;
    long long num = PyLong_AsLongLong(number);
    double cold = wall / APART < n ? wall / APART : (double)n;
    long long recording = (long long)(self->track_ns * (n + 5 * cold)) + self->close_ns;
    if ((num == -1 && PyErr_Occurred()) || !(number = PyLong_FromLongLong(num + 1))) {
        return -1;
    }
    if (!store(self, num, wall, recording)) {
        Py_DECREF(number);
        return 0;
    }
    int failed = PyDict_SetItem(self->num, text_train, number);
    Py_DECREF(number);
    self->seq++;
    self->run++;
    self->left--;
    self->wall_ns += wall;
    self->rec_ns += recording;
    self->t0 = now;
    Py_ssize_t scope = self->scope, inside = self->inside;
    PyObject *stack = self->stack, *root = self->root, *there = self->there;
    Py_XINCREF(stack);
    Py_XINCREF(root);
    Py_INCREF(there);
    failed = begin_again(self, there, n) < 0 || failed < 0;
    Py_DECREF(there);
    if (open && !failed) {
        self->scope = scope;
        self->inside = inside;
        self->where = scope << 2 | self->phase;
        PyObject *empty = self->stack, *none = self->root;
        self->stack = stack;
        self->root = root;
        stack = empty;
        root = none;
    }
    Py_XDECREF(stack);
    Py_XDECREF(root);
    if (failed) {
        return -1;
    }
    long long ended = now_ns();
    if (ended == -1 && PyErr_Occurred()) {
        return -1;
    }
    self->close_ns = ended - began; /* falls into the step that has just begun */
    return 1;
}

/* end_step(at) */
static PyObject *follower_end_step(Follower *self, PyObject *moment)
{
    long long at = PyLong_AsLongLong(moment);
    if (at == -1 && PyErr_Occurred()) {
        return NULL;
    }
    int done = end_step(self, at, 0);
    return done < 0 ? NULL : PyBool_FromLong(done);
}

/* What is numbered so in this step: a node, or behind them what comes in through a port. */
static inline long long number_at(Follower *self, Py_ssize_t place)
{
    return self->base + (place < self->nodes ? place : PORTS + place - self->nodes);
}

/* number_at(place) */
static PyObject *follower_number_at(Follower *self, PyObject *place)
{
    Py_ssize_t k = PyLong_AsSsize_t(place);
    return k == -1 && PyErr_Occurred() ? NULL : PyLong_FromLongLong(number_at(self, k));
}

static PyMethodDef follower_methods[] = {
    {"times", (PyCFunction)(void (*)(void))follower_times, METH_FASTCALL,
     "Store the times of this step in two arrays of 64-bit integers (None twice: in none)."},
    {"again", (PyCFunction)(void (*)(void))follower_again, METH_FASTCALL, "Begin a step that is predicted to be as the one before."},
    {"number_at", (PyCFunction)follower_number_at, METH_O, "The number of what is at a place: a node, or behind them what comes in."},
    {"hold", (PyCFunction)follower_hold, METH_O, "Write steps on track down as rows of this array; None: nowhere. Raises: TypeError."},
    {"store", (PyCFunction)(void (*)(void))follower_store, METH_FASTCALL, "Write the step down; whether there was room."},
    {"end_step", (PyCFunction)follower_end_step, METH_O, "End the step at a moment (0: now) if that is all there is to do; whether it was."},
    {NULL},
};

static PyMemberDef follower_members[] = {
    {"i", T_PYSSIZET, offsetof(Follower, i), 0, NULL},
    {"where", T_PYSSIZET, offsetof(Follower, where), 0, NULL},
    {"thread", T_ULONG, offsetof(Follower, thread), 0, NULL},
    {"plan", T_OBJECT_EX, offsetof(Follower, plan), 0, NULL},
    {"nodes", T_PYSSIZET, offsetof(Follower, nodes), 0, NULL},
    {"told", T_OBJECT_EX, offsetof(Follower, told), 0, NULL},
    {"packed", T_OBJECT_EX, offsetof(Follower, packed), 0, NULL},
    {"kind", T_OBJECT_EX, offsetof(Follower, kind), 0, NULL},
    {"root", T_OBJECT_EX, offsetof(Follower, root), 0, NULL},
    {"stack", T_OBJECT_EX, offsetof(Follower, stack), 0, NULL},
    {"token", T_OBJECT_EX, offsetof(Follower, token), 0, NULL},
    {"scope", T_PYSSIZET, offsetof(Follower, scope), 0, NULL},
    {"phase", T_PYSSIZET, offsetof(Follower, phase), 0, NULL},
    {"inside", T_PYSSIZET, offsetof(Follower, inside), 0, NULL},
    {"after", T_BOOL, offsetof(Follower, after), 0, NULL},
    {"unsettled", T_BOOL, offsetof(Follower, unsettled), 0, NULL},
    {"t0", T_LONGLONG, offsetof(Follower, t0), 0, NULL},
    {"base", T_LONGLONG, offsetof(Follower, base), 0, NULL},
    {"seq", T_LONGLONG, offsetof(Follower, seq), 0, NULL},
    {"num", T_OBJECT_EX, offsetof(Follower, num), 0, NULL},
    {"loss", T_OBJECT_EX, offsetof(Follower, loss), 0, NULL},
    {"nonfinite", T_PYSSIZET, offsetof(Follower, nonfinite), 0, NULL},
    {"wall_ns", T_LONGLONG, offsetof(Follower, wall_ns), 0, NULL},
    {"rec_ns", T_LONGLONG, offsetof(Follower, rec_ns), 0, NULL},
    {"close_ns", T_LONGLONG, offsetof(Follower, close_ns), 0, NULL},
    {"track_ns", T_DOUBLE, offsetof(Follower, track_ns), 0, NULL},
    {"block", T_OBJECT_EX, offsetof(Follower, block), READONLY, NULL},
    {"armed", T_OBJECT_EX, offsetof(Follower, armed), 0, NULL},
    {"there", T_OBJECT_EX, offsetof(Follower, there), 0, NULL},
    {"ports", T_OBJECT_EX, offsetof(Follower, ports), 0, NULL},
    {"port_items", T_OBJECT_EX, offsetof(Follower, port_items), 0, NULL},
    {"first", T_OBJECT_EX, offsetof(Follower, first), 0, NULL},
    {"left", T_PYSSIZET, offsetof(Follower, left), 0, NULL},
    {"run", T_PYSSIZET, offsetof(Follower, run), 0, NULL},
    {"until", T_LONGLONG, offsetof(Follower, until), 0, NULL},
    {"due", T_BOOL, offsetof(Follower, due), 0, NULL},
    {"trap", T_OBJECT_EX, offsetof(Follower, trap), 0, NULL},
    {"trap_leaf", T_OBJECT_EX, offsetof(Follower, trap_leaf), 0, NULL},
    {"trap_root", T_OBJECT_EX, offsetof(Follower, trap_root), 0, NULL},
    {"trap_armed", T_BOOL, offsetof(Follower, trap_armed), 0, NULL},
    {NULL},
};

PyTypeObject FollowerType = {
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

/* ---------------------------------------------------------------- a prediction */

/* What comes next, all that is compared with it in one line of the processor's cache. Nothing in it is a new reference:
   the lists have them. */
typedef struct {
    PyObject *known;  /* of an op its plan, of a gradient its want; NULL: it goes through follow_call */
    PyObject *params; /* where they are compared */
    PyObject *dtype;
    PyObject *op;     /* of a call; NULL: it is none */
    PyObject *plan;   /* of its node, or None */
    PyObject *rest;   /* places of its inputs from the third on */
    int32_t u, v;     /* of the first two; -1: there is one */
    int32_t where;
    int32_t is_like;  /* params, dtype and shape are compared */
} Next;

typedef struct {
    PyObject_HEAD
    PyObject *entries, *calls; /* as `Follower.plan` and record.track have them: they are never changed */
    Py_ssize_t n;
    Next *steps;
} Packed;

static int packed_traverse(Packed *self, visitproc visit, void *arg)
{
    Py_VISIT(self->entries);
    Py_VISIT(self->calls);
    return 0;
}

static int packed_clear(Packed *self)
{
    self->n = 0;
    Py_CLEAR(self->entries);
    Py_CLEAR(self->calls);
    return 0;
}

static void packed_dealloc(Packed *self)
{
    PyObject_GC_UnTrack(self);
    packed_clear(self);
    PyMem_Free(self->steps);
    PyObject_GC_Del(self);
}

static PyTypeObject PackedType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._follow.Packed",
    .tp_doc = "A prediction as C reads it.",
    .tp_basicsize = sizeof(Packed),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)packed_traverse,
    .tp_clear = (inquiry)packed_clear,
    .tp_dealloc = (destructor)packed_dealloc,
};

static int pack_one(Next *next, PyObject *entry, PyObject *call)
{
    if (!PyTuple_Check(entry) || PyTuple_GET_SIZE(entry) != 4) {
        PyErr_SetString(PyExc_TypeError, "an entry is (plan, u, v, where)");
        return -1;
    }
    PyObject *known = PyTuple_GET_ITEM(entry, 0);
    *next = (Next){.v = -1};
    if (known != Py_None) {
        next->u = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(entry, 1));
        next->v = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(entry, 2));
        next->where = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(entry, 3));
        next->known = known;
        if (PyTuple_CheckExact(known) && PyTuple_GET_SIZE(known) == 3) {
            next->is_like = 1;
            next->known = PyTuple_GET_ITEM(known, 0);
            next->params = PyTuple_GET_ITEM(known, 1);
            next->dtype = PyTuple_GET_ITEM(known, 2);
        }
    }
    if (call != Py_None) {
        if (!PyTuple_Check(call) || PyTuple_GET_SIZE(call) != 8 || !PyTuple_Check(PyTuple_GET_ITEM(call, 7))) {
            PyErr_SetString(PyExc_TypeError, "a call is (op, params, where, dtype, plan, u, v, rest)");
            return -1;
        }
        next->op = PyTuple_GET_ITEM(call, 0);
        next->params = PyTuple_GET_ITEM(call, 1);
        next->where = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(call, 2));
        next->dtype = PyTuple_GET_ITEM(call, 3);
        next->plan = PyTuple_GET_ITEM(call, 4);
        next->u = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(call, 5));
        next->v = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(call, 6));
        next->rest = PyTuple_GET_ITEM(call, 7);
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* pack(entries, calls): one call, or None, for each entry */
static PyObject *pack(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyList_Check(args[0]) || !PyList_Check(args[1]) || PyList_GET_SIZE(args[1]) < PyList_GET_SIZE(args[0])) {
        PyErr_SetString(PyExc_TypeError, "pack takes two lists as arguments, of entries and of their calls");
        return NULL;
    }
    Py_ssize_t n = PyList_GET_SIZE(args[0]);
    Packed *made = PyObject_GC_New(Packed, &PackedType);
    if (!made) {
        return NULL;
    }
    made->entries = made->calls = NULL;
    made->n = n;
    made->steps = PyMem_Malloc((n ? n : 1) * sizeof(Next));
    if (!made->steps) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    Py_INCREF(args[0]);
    Py_INCREF(args[1]);
    made->entries = args[0];
    made->calls = args[1];
    PyObject_GC_Track((PyObject *)made);
    for (Py_ssize_t k = 0; k < n; k++) {
        if (pack_one(made->steps + k, PyList_GET_ITEM(args[0], k), PyList_GET_ITEM(args[1], k)) < 0) {
            Py_DECREF(made);
            return NULL;
        }
    }
    return (PyObject *)made;
}

/* ---------------------------------------------------------------- following */

/* What comes next, or NULL where nothing is predicted (which is no error). */
static inline const Next *expected(Follower *self)
{
    Py_ssize_t i = self->i;
    Packed *packed = (Packed *)self->packed;
    /* Whoever wants every op to be told puts another list there. */
    if (!packed || !Py_IS_TYPE((PyObject *)packed, &PackedType) || packed->entries != self->plan || i < 0 || i >= packed->n ||
        i >= self->room || !tensor_type) {
        return NULL;
    }
    return packed->steps + i;
}

/* Whether a tensor is the one at this place. */
static inline int is_from(Follower *self, PyObject *x, Py_ssize_t place)
{
    return is_tensor(x) && RID(x) == number_at(self, place);
}

/* A list of at least so many. */
static inline int is_long(PyObject *list, Py_ssize_t n)
{
    return list && PyList_CheckExact(list) && PyList_GET_SIZE(list) >= n;
}

/* Whether a tensor that has no number is what comes in through a port, as a batch of data does: another tensor in every
   step, of the same shape and dtype. Then it gets the number. What is not so simple is for Python to say (0). */
static int comes_in(Follower *self, PyObject *x, Py_ssize_t place)
{
    Py_ssize_t k = place - self->nodes;
    PyObject *told = self->told;
    if (k < 0 || !self->armed || self->armed == Py_None || self->armed != self->plan || self->phase == UPDATE ||
        !is_tensor(x) || (RID(x) - self->base) >> SPAN == 0 || !is_long(self->there, k + 1) ||
        !is_long(self->ports, k + 1) || !is_long(self->port_items, k + 1) || !is_long(self->first, k + 1) || !told ||
        !PyTuple_Check(told) || PyTuple_GET_SIZE(told) != 3 || !is_long(PyTuple_GET_ITEM(told, 2), k + 1) ||
        PyLong_AsSsize_t(PyList_GET_ITEM(self->first, k)) != self->i) {
        return 0;
    }
    PyObject *port = PyList_GET_ITEM(self->ports, k), *item = PyList_GET_ITEM(self->port_items, k);
    PyObject *was = PyList_GET_ITEM(PyTuple_GET_ITEM(told, 2), k), *array = AT(x, tensor_array);
    if (!PyTuple_CheckExact(port) || PyTuple_GET_SIZE(port) != 4 || PyTuple_GET_ITEM(port, 0) != Py_None ||
        PyLong_AsLong(PyTuple_GET_ITEM(port, 1)) != INPUT || !PyTuple_CheckExact(item) || PyTuple_GET_SIZE(item) != 3 ||
        PyTuple_GET_ITEM(item, 1) != Py_False || AT(x, tensor_wants) != Py_False || AT(x, tensor_node) != Py_None ||
        AT(x, tensor_name) != Py_None || !PyTuple_CheckExact(was) || !PyTuple_GET_SIZE(was) || !array) {
        return 0;
    }
    int same;
    if (is_array(array)) {
        same = DTYPE(array) == PyTuple_GET_ITEM(port, 3) && is_shaped(array, was);
    } else {
        PyObject *dtype = PyObject_GetAttr(array, text_dtype);
        PyObject *shape = dtype ? PyObject_GetAttr(array, text_shape) : NULL;
        same = shape ? dtype == PyTuple_GET_ITEM(port, 3) && PyTuple_CheckExact(shape) : -1;
        if (same == 1) {
            same = PyObject_RichCompareBool(shape, was, Py_EQ); /* of plain numbers: this runs no code of anybody's */
        }
        Py_XDECREF(dtype);
        Py_XDECREF(shape);
    }
    if (same < 1) {
        return same;
    }
    PyObject *reference = PyWeakref_NewRef(x, NULL);
    PyObject *made = reference ? PyTuple_Pack(3, reference, Py_False, port) : NULL;
    if (!made) {
        Py_XDECREF(reference);
        return -1;
    }
    long long number = self->base + PORTS + k;
    PyObject *before = alive(PyTuple_GET_ITEM(item, 0));
    if (before && before != x && is_tensor(before) && RID(before) == number) {
        RID(before) = 0;
    }
    RID(x) = number;
    PyObject *there = self->there, *items = self->port_items;
    Py_INCREF(there); /* what goes may run code as it dies */
    Py_INCREF(items);
    int failed = PyList_SetItem(there, k, reference) < 0;
    failed = PyList_SetItem(items, k, made) < 0 || failed;
    Py_DECREF(there);
    Py_DECREF(items);
    Py_XDECREF(before);
    return failed ? -1 : 1;
}

/* Whether a tensor is the one at this place, or comes in there now. */
static inline int is_there(Follower *self, PyObject *x, Py_ssize_t place)
{
    return is_from(self, x, place) ? 1 : place < self->nodes ? 0 : comes_in(self, x, place);
}

/* Whether gradients are wanted; -1: an error. */
int wants_grad(void)
{
    return grad_mode ? is_wanted(grad_mode) : 0;
}

/* Decide what an op means where that is open: after a backward, in a new step. 0: that is not for here. op: NULL for one
   that never writes. t0: when it began. */
static int settle(Follower *self, PyObject *op, PyObject *node, long long t0)
{
    if (PyThread_get_thread_ident() != self->thread) {
        return 0;
    }
    if (self->after) {
        int updates = grad_mode ? is_update(op, text_writes, grad_mode, self->inside) : 0;
        if (updates) {
            return updates;
        }
        int ended = end_step(self, t0, 1);
        if (ended < 1) {
            return ended;
        }
    }
    if (self->kind == text_eval) { /* it goes on with ops that want no gradient */
        return node == Py_None;
    }
    if (self->kind != Py_None || !self->armed || self->armed == Py_None || self->armed != self->plan) {
        return 0;
    }
    int wanted = wants_grad();
    if (wanted == 1) {
        Py_INCREF(text_train);
        Py_SETREF(self->kind, text_train);
        self->unsettled = 0;
    }
    return wanted;
}

static inline int fits(Follower *self, const Next *next, PyObject *a, PyObject *b)
{
    if (next->where != self->where || PyThread_get_thread_ident() != self->thread) {
        return 0;
    }
    Py_ssize_t u = next->u, v = next->v;
    int same = is_there(self, a, u);
    return same == 1 && b != Py_None ? is_there(self, b, v) : same;
}

/* Note the next node with its times, and number what it made. */
static inline int note(Follower *self, PyObject *out, PyObject *node, long long t0, long long t1)
{
    Py_ssize_t i = self->i;
    if (i >= self->room) {
        return 0;
    }
    ((int64_t *)self->begin.buf)[i] = t0;
    ((int64_t *)self->end.buf)[i] = t1;
    self->i = i + 1;
    if (out && is_tensor(out)) {
        RID(out) = self->base + i;
    }
    if (node && node != Py_None && Py_TYPE(node) == node_type) {
        NODE_RID(node) = self->base + i;
    }
    return 1;
}

/* Two times that Python tells; 0: an error is set. */
static inline int read_times(PyObject *const *times, long long *t0, long long *t1)
{
    *t0 = PyLong_AsLongLong(times[0]);
    *t1 = PyLong_AsLongLong(times[1]);
    return !((*t0 == -1 || *t1 == -1) && PyErr_Occurred());
}

/* What following found, for Python. */
static inline PyObject *as_bool(int found)
{
    return found < 0 ? NULL : PyBool_FromLong(found);
}

/* Whether params, `n` of the `values`, are those that were predicted. at: which; NULL: the first ones. k: of the output of
   an op with several, which has it behind the params; -1: it has one. */
static int is_same_key(PyObject *known, PyObject *const *values, const int *at, Py_ssize_t n, Py_ssize_t k)
{
    if (!PyTuple_Check(known) || PyTuple_GET_SIZE(known) != n + (k >= 0)) {
        return 0;
    }
    if (k >= 0) {
        long which = PyLong_AsLong(PyTuple_GET_ITEM(known, n));
        if (which != k) {
            PyErr_Clear();
            return 0;
        }
    }
    int same = 1;
    for (Py_ssize_t m = 0; m < n && same == 1; m++) {
        same = PyObject_RichCompareBool(PyTuple_GET_ITEM(known, m), values[at ? at[m] : m], Py_EQ);
    }
    return same;
}

/* Whether params, dtype and shape of node i are those that were predicted; the shape is that of the step before. */
static int is_alike(Follower *self, const Next *next, Py_ssize_t i, PyObject *const *values, const int *at, Py_ssize_t n, Py_ssize_t k,
                    PyObject *array)
{
    PyObject *told = self->told;
    if (!told || !PyTuple_Check(told) || PyTuple_GET_SIZE(told) != 3 || !next->params) {
        return 0;
    }
    PyObject *shapes = PyTuple_GET_ITEM(told, 1);
    if (!PyList_Check(shapes) || i >= PyList_GET_SIZE(shapes)) {
        return 0;
    }
    PyObject *was = PyList_GET_ITEM(shapes, i), *packed = self->packed, *dtype_known = next->dtype;
    Py_ssize_t before = self->i;
    Py_INCREF(was); /* a comparison may run code of the user's */
    Py_INCREF(packed);
    int same = is_same_key(next->params, values, at, n, k);
    if (same == 1 && is_array(array)) {
        same = DTYPE(array) == dtype_known && is_shaped(array, was);
    } else if (same == 1) {
        PyObject *dtype = PyObject_GetAttr(array, text_dtype);
        same = dtype ? dtype == dtype_known : -1;
        Py_XDECREF(dtype);
        if (same == 1) {
            PyObject *shape = PyObject_GetAttr(array, text_shape);
            same = shape ? PyObject_RichCompareBool(shape, was, Py_EQ) : -1;
            Py_XDECREF(shape);
        }
    }
    Py_DECREF(was);
    if (same == 1) {
        same = self->i == before && i < self->room && self->packed == packed;
    }
    Py_DECREF(packed);
    return same;
}

int follow_op(Follower *self, PyObject *plan, PyObject *a, PyObject *b, PyObject *out, PyObject *node, long long t0, long long t1)
{
    if (self->unsettled) {
        int settled = settle(self, NULL, node, t0);
        if (settled < 1) {
            return settled;
        }
    }
    const Next *next = expected(self);
    if (!next || next->known != plan || next->is_like) {
        return 0;
    }
    int same = fits(self, next, a, b);
    return same < 1 ? same : note(self, out, node, t0, t1);
}

int follow_params(Follower *self, PyObject *plan, PyObject *const *values, const int *at, int n, PyObject *a, PyObject *b, PyObject *out,
                  PyObject *node, long long t0, long long t1)
{
    if (self->unsettled) {
        int settled = settle(self, NULL, node, t0);
        if (settled < 1) {
            return settled;
        }
    }
    const Next *next = expected(self);
    if (!next || next->known != plan || !next->is_like || !AT(out, tensor_array)) {
        return 0;
    }
    int same = fits(self, next, a, b);
    if (same == 1) {
        same = is_alike(self, next, self->i, values, at, n, -1, AT(out, tensor_array));
    }
    return same < 1 ? same : note(self, out, node, t0, t1);
}

/* follow(rec, plan, a, b, out, node, t0, t1) */
static PyObject *follow(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    long long t0, t1;
    if (n != 8) {
        PyErr_SetString(PyExc_TypeError, "follow takes 8 arguments");
        return NULL;
    }
    if (!is_follower(args[0])) {
        Py_RETURN_FALSE;
    }
    if (!read_times(args + 6, &t0, &t1)) {
        return NULL;
    }
    return as_bool(follow_op((Follower *)args[0], args[1], args[2], args[3], args[4], args[5], t0, t1));
}

/* follow_like(rec, plan, key, array, a, b, out, node, t0, t1): where dtype and shape do not follow from the inputs */
static PyObject *follow_like(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    long long t0, t1;
    if (n != 10) {
        PyErr_SetString(PyExc_TypeError, "follow_like takes 10 arguments");
        return NULL;
    }
    if (!is_follower(args[0]) || !PyTuple_CheckExact(args[2]) || !is_tensor(args[6]) || AT(args[6], tensor_array) != args[3]) {
        Py_RETURN_FALSE;
    }
    if (!read_times(args + 8, &t0, &t1)) {
        return NULL;
    }
    return as_bool(follow_params((Follower *)args[0], args[1], ((PyTupleObject *)args[2])->ob_item, NULL,
                                 (int)PyTuple_GET_SIZE(args[2]), args[4], args[5], args[6], args[7], t0, t1));
}

/* The outputs of an op with several: the first is the node, the others lie behind it. */
static int note_several(Follower *self, PyObject *op, PyObject *const *values, int n, PyObject *outs, PyObject *node, long long t0,
                        long long t1)
{
    Py_ssize_t many = PyTuple_GET_SIZE(outs), i = self->i;
    const Packed *packed = (Packed *)self->packed;
    if (!many || i + many > packed->n || i + many > self->room) {
        return 0;
    }
    for (Py_ssize_t k = 0; k < many; k++) {
        PyObject *out = PyTuple_GET_ITEM(outs, k);
        const Next *next = packed->steps + i + k;
        if (next->op != op || !is_tensor(out) || !AT(out, tensor_array)) {
            return 0;
        }
        int same = is_alike(self, next, i + k, values, NULL, n, k, AT(out, tensor_array));
        if (same < 1) {
            return same;
        }
    }
    for (Py_ssize_t k = 0; k < many; k++) {
        ((int64_t *)self->begin.buf)[i + k] = k ? t1 : t0;
        ((int64_t *)self->end.buf)[i + k] = t1;
        RID(PyTuple_GET_ITEM(outs, k)) = self->base + i + k;
    }
    if (node != Py_None) {
        NODE_RID(node) = self->base + i;
    }
    self->i = i + many;
    return 1;
}

int follow_row(Follower *self, PyObject *op, PyObject *const *values, int n, PyObject *const *inputs, Py_ssize_t many, PyObject *out,
               PyObject *node, long long t0, long long t1)
{
    if (self->unsettled) {
        int settled = settle(self, op, node, t0);
        if (settled < 1) {
            return settled;
        }
    }
    const Next *next = expected(self);
    if (!next || next->op != op || many < 1 || (node != Py_None && Py_TYPE(node) != node_type) ||
        next->plan != (node == Py_None ? Py_None : AT(node, node_plan)) || (many < 2 && next->v >= 0) ||
        PyTuple_GET_SIZE(next->rest) != (many > 2 ? many - 2 : 0)) {
        return 0;
    }
    PyObject *rest = next->rest;
    int same = fits(self, next, inputs[0], many > 1 ? inputs[1] : Py_None);
    for (Py_ssize_t k = 2; same == 1 && k < many; k++) {
        same = is_there(self, inputs[k], PyLong_AsSsize_t(PyTuple_GET_ITEM(rest, k - 2)));
    }
    if (same < 1) {
        return same;
    }
    if (PyTuple_Check(out)) {
        return note_several(self, op, values, n, out, node, t0, t1);
    }
    if (!is_tensor(out) || !AT(out, tensor_array)) {
        return 0;
    }
    same = is_alike(self, next, self->i, values, NULL, n, -1, AT(out, tensor_array));
    return same < 1 ? same : note(self, out, node, t0, t1);
}

/* follow_call(rec, op, params, a, b, rest, out, t0, t1, node): any op on the host, as the recorder is told of it */
static PyObject *follow_call(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    enum { MOST = 64 };
    PyObject *inputs[2 + MOST];
    long long t0, t1;
    if (n != 10) {
        PyErr_SetString(PyExc_TypeError, "follow_call takes 10 arguments");
        return NULL;
    }
    PyObject *key = args[2], *rest = args[5];
    if (!is_follower(args[0]) || !PyTuple_CheckExact(key) || !PyTuple_Check(rest) || PyTuple_GET_SIZE(rest) > MOST) {
        Py_RETURN_FALSE;
    }
    if (!read_times(args + 7, &t0, &t1)) {
        return NULL;
    }
    inputs[0] = args[3];
    inputs[1] = args[4];
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(rest); k++) {
        inputs[2 + k] = PyTuple_GET_ITEM(rest, k);
    }
    Py_ssize_t many = args[4] == Py_None ? 1 : 2 + PyTuple_GET_SIZE(rest);
    return as_bool(follow_row((Follower *)args[0], args[1], ((PyTupleObject *)key)->ob_item, (int)PyTuple_GET_SIZE(key), inputs, many,
                              args[6], args[9], t0, t1));
}

int follow_a_leaf(Follower *self, PyObject *tensor)
{
    if (!tensor_type || self->i < 1 || !self->packed || !Py_IS_TYPE(self->packed, &PackedType) ||
        ((Packed *)self->packed)->entries != self->plan || !self->room || PyThread_get_thread_ident() != self->thread ||
        !is_tensor(tensor)) {
        return 0;
    }
    PyObject *g = AT(tensor, tensor_grad);
    if (!g || !is_tensor(g)) {
        return 0;
    }
    RID(g) = self->base + self->i - 1;
    return 1;
}

int follow_gradient(Follower *self, PyObject *want, PyObject *node, long long t0, long long t1)
{
    const Next *next = expected(self);
    if (Py_TYPE(node) != node_type || !next || next->known != want || next->is_like || PyThread_get_thread_ident() != self->thread ||
        NODE_RID(node) != self->base + next->u) {
        return 0;
    }
    return note(self, NULL, NULL, t0, t1);
}

/* follow_leaf(rec, tensor): its gradient is what the last gradient node made */
static PyObject *follow_leaf(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "follow_leaf takes 2 arguments");
        return NULL;
    }
    return PyBool_FromLong(is_follower(args[0]) && follow_a_leaf((Follower *)args[0], args[1]));
}

/* follow_grad(rec, want, node, t0, t1) */
static PyObject *follow_grad(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    long long t0, t1;
    if (n != 5) {
        PyErr_SetString(PyExc_TypeError, "follow_grad takes 5 arguments");
        return NULL;
    }
    if (!is_follower(args[0])) {
        Py_RETURN_FALSE;
    }
    if (!read_times(args + 3, &t0, &t1)) {
        return NULL;
    }
    return as_bool(follow_gradient((Follower *)args[0], args[1], args[2], t0, t1));
}

/* follow_data(rec, t0, t1): the program waited for a batch, which begins a step */
static PyObject *follow_data(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "follow_data takes 3 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    long long t0, t1;
    if (!is_follower(args[0]) || !self->armed || self->armed == Py_None || self->armed != self->plan ||
        PyThread_get_thread_ident() != self->thread) {
        Py_RETURN_FALSE;
    }
    if (!read_times(args + 1, &t0, &t1)) {
        return NULL;
    }
    if (self->i > 1 || (self->i && self->kind != Py_None)) {
        int ended = end_step(self, t0, 0); /* the wait belongs to the step that it feeds */
        if (ended < 1) {
            return ended ? NULL : PyBool_FromLong(0);
        }
    }
    const Next *next = expected(self);
    if (!next || next->known != text_data) {
        Py_RETURN_FALSE;
    }
    return as_bool(note(self, NULL, NULL, t0, t1));
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
    if (!is_follower(args[0]) || PyThread_get_thread_ident() != self->thread || !self->stack ||
        !PyList_Check(self->stack) || !self->token || !self->root) {
        Py_RETURN_FALSE;
    }
    if (!self->inside && self->kind == text_eval) {
        Py_RETURN_FALSE;
    }
    if (!self->inside && self->after) { /* the next step */
        int ended = end_step(self, 0, 1);
        if (ended < 1) {
            return ended ? NULL : PyBool_FromLong(0);
        }
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
    if (!is_follower(self_object) || PyThread_get_thread_ident() != self->thread || !self->stack ||
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

/* ---------------------------------------------------------------- backward */

/* follow_backward(rec, loss): a backward begins at one number on the host */
static PyObject *follow_backward(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "follow_backward takes 2 arguments");
        return NULL;
    }
    Follower *self = (Follower *)args[0];
    if (!is_follower(args[0]) || !tensor_type || !self->armed || self->armed == Py_None ||
        self->armed != self->plan || PyThread_get_thread_ident() != self->thread || !is_tensor(args[1])) {
        Py_RETURN_FALSE;
    }
    if (self->loss == Py_None) {
        PyObject *array = AT(args[1], tensor_array), *loss;
        if (!array || !(loss = PyNumber_Float(array))) {
            return array ? NULL : PyBool_FromLong(0);
        }
        double value = PyFloat_AS_DOUBLE(loss);
        if (value - value != 0) {
            Py_DECREF(loss);
            Py_RETURN_FALSE; /* it is not finite */
        }
        Py_SETREF(self->loss, loss);
        if (self->trap && self->trap != Py_None) {
            self->trap_armed = 1;
            Py_INCREF(args[1]);
            Py_XSETREF(self->trap_root, args[1]);
        }
    }
    self->after = 0;
    self->phase = BACKWARD;
    self->where = self->scope << 2 | BACKWARD;
    Py_RETURN_TRUE;
}

/* follow_backward_end(rec): it ended */
static PyObject *follow_backward_end(PyObject *module, PyObject *self_object)
{
    Follower *self = (Follower *)self_object;
    if (!is_follower(self_object) || !tensor_type || !self->armed || self->armed == Py_None ||
        self->armed != self->plan || PyThread_get_thread_ident() != self->thread) {
        Py_RETURN_FALSE;
    }
    if (self->trap && self->trap != Py_None && self->trap_armed && self->trap_root && self->trap_root != Py_None) {
        PyObject *leaf = alive(self->trap_leaf), *g = NULL, *array = NULL, *fine = NULL;
        if (leaf && is_tensor(leaf)) {
            g = AT(leaf, tensor_grad);
            array = g && is_tensor(g) ? AT(g, tensor_array) : NULL;
        }
        if (array) {
            Py_INCREF(array);
            fine = is_finite(module, array);
            Py_DECREF(array);
        }
        Py_XDECREF(leaf);
        Py_XDECREF(fine); /* one of the three that never go */
        if (!fine || fine != Py_True) {
            return array && !fine ? NULL : PyBool_FromLong(0);
        }
        Py_INCREF(Py_None);
        Py_SETREF(self->trap_root, Py_None);
    }
    self->phase = UPDATE;
    self->where = self->scope << 2 | UPDATE;
    self->after = self->unsettled = 1;
    Py_RETURN_TRUE;
}

/* new_base(): where the numbers of another step begin */
static PyObject *new_base(PyObject *module, PyObject *nothing)
{
    return PyLong_FromLongLong(++epoch << SPAN);
}

/* ---------------------------------------------------------------- the module */

Py_ssize_t offset_of(PyTypeObject *type, const char *name)
{
    return offset_of_kind(type, name, T_OBJECT_EX);
}

/* See whether the clock is the one that can be read without a call: a reading of it lies between two of Python's. */
static int look_at_clock(void)
{
#if defined(__linux__)
    long long before = now_ns();
    clock_is_monotonic = 1;
    long long ours = now_ns();
    clock_is_monotonic = 0;
    long long after = now_ns();
    if (PyErr_Occurred()) {
        return -1;
    }
    clock_is_monotonic = before <= ours && ours <= after;
#endif
    return 0;
}

/* set_clock(clock): a function that gives nanoseconds */
static PyObject *set_clock(PyObject *module, PyObject *clock)
{
    Py_INCREF(clock);
    Py_XSETREF(clock_function, clock);
    clock_is_monotonic = 0;
    return look_at_clock() < 0 ? NULL : Py_NewRef(Py_None);
}

/* bind(Tensor, Node, grad_mode, clock): where what is needed of them lies. */
static PyObject *bind(PyObject *module, PyObject *args)
{
    PyTypeObject *tensor, *node;
    PyObject *mode, *clock;
    if (!PyArg_ParseTuple(args, "O!O!O!O:bind", &PyType_Type, &tensor, &PyType_Type, &node, &PyContextVar_Type, &mode,
                          &clock)) {
        return NULL;
    }
    struct {
        PyTypeObject *type;
        const char *name;
        Py_ssize_t *at;
    } slots[] = {{tensor, "_a", &tensor_array}, {tensor, "_grad", &tensor_grad}, {tensor, "_rg", &tensor_wants},
                 {tensor, "_node", &tensor_node}, {tensor, "_name", &tensor_name}, {node, "plan", &node_plan}};
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
    return set_clock(module, clock);
}

static PyMethodDef methods[] = {
    {"follow", (PyCFunction)(void (*)(void))follow, METH_FASTCALL,
     "follow(rec, plan, a, b, out, node, t0, t1): note an op if it is the one that comes next; whether it was."},
    {"pack", (PyCFunction)(void (*)(void))pack, METH_FASTCALL, "pack(entries, calls): a prediction as C reads it. Raises: TypeError."},
    {"follow_like", (PyCFunction)(void (*)(void))follow_like, METH_FASTCALL,
     "follow_like(rec, plan, key, array, a, b, out, node, t0, t1): the same, comparing params, dtype and shape."},
    {"follow_call", (PyCFunction)(void (*)(void))follow_call, METH_FASTCALL,
     "follow_call(rec, op, params, a, b, rest, out, t0, t1, node): the same for any op, as a recorder is told of it."},
    {"follow_leaf", (PyCFunction)(void (*)(void))follow_leaf, METH_FASTCALL,
     "follow_leaf(rec, tensor): its gradient is what the last node made; whether that was all to do."},
    {"follow_data", (PyCFunction)(void (*)(void))follow_data, METH_FASTCALL,
     "follow_data(rec, t0, t1): a wait for a batch begins a step; whether that was all to do."},
    {"enter", (PyCFunction)(void (*)(void))enter, METH_FASTCALL,
     "enter(rec, module, its dict): a module that is known starts inside a step; whether it was one."},
    {"leave", leave, METH_O, "leave(rec): it ended; whether that was all to do."},
    {"follow_grad", (PyCFunction)(void (*)(void))follow_grad, METH_FASTCALL,
     "follow_grad(rec, want, node, t0, t1): note a gradient if it is the one that comes next; whether it was."},
    {"follow_backward", (PyCFunction)(void (*)(void))follow_backward, METH_FASTCALL,
     "follow_backward(rec, loss): a backward begins in a step that may end here; whether that was all to do."},
    {"follow_backward_end", follow_backward_end, METH_O, "follow_backward_end(rec): it ended; whether that was all to do."},
    {"new_base", new_base, METH_NOARGS, "Where the numbers of another step begin."},
    {"is_finite", is_finite, METH_O, "Whether all numbers of a contiguous float array are finite; None: it is none."},
    {"set_clock", set_clock, METH_O, "Times are read from this function, which gives nanoseconds."},
    {"bind", bind, METH_VARARGS, "bind(Tensor, Node, grad_mode, clock): find where what is needed of them lies. Raises: TypeError."},
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
    /* As any class of Python's: object.__new__ makes them. */
    NumberedValueType.tp_new = NumberedNodeType.tp_new = PyBaseObject_Type.tp_new;
    if (PyType_Ready(&FollowerType) < 0 || PyType_Ready(&PackedType) < 0 || PyType_Ready(&NumberedValueType) < 0 || PyType_Ready(&NumberedNodeType) < 0 || PyType_Ready(&StraightType) < 0 || PyType_Ready(&GeneralType) < 0) {
        return NULL;
    }
    text_dtype = PyUnicode_InternFromString("dtype");
    text_shape = PyUnicode_InternFromString("shape");
    text_writes = PyUnicode_InternFromString("writes");
    text_scope = PyUnicode_InternFromString("_gs_scope");
    text_eval = PyUnicode_InternFromString("eval");
    text_train = PyUnicode_InternFromString("train");
    text_data = PyUnicode_InternFromString("data");
    PyObject *module = PyModule_Create(&definition);
    if (module && (PyModule_AddFunctions(module, run_methods) < 0 || PyModule_AddFunctions(module, walk_methods) < 0)) {
        Py_CLEAR(module);
    }
    if (!module || !text_dtype || !text_shape || !text_writes || !text_scope || !text_eval || !text_train || !text_data) {
        Py_XDECREF(module);
        return NULL;
    }
    struct {
        const char *name;
        PyTypeObject *type;
    } types[] = {{"Follower", &FollowerType}, {"NumberedValue", &NumberedValueType}, {"NumberedNode", &NumberedNodeType}, {"Straight", &StraightType}, {"General", &GeneralType}};
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        Py_INCREF(types[k].type);
        if (PyModule_AddObject(module, types[k].name, (PyObject *)types[k].type) < 0) {
            Py_DECREF(types[k].type);
            Py_DECREF(module);
            return NULL;
        }
    }
    if (PyModule_AddIntConstant(module, "VERSION", 7) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
