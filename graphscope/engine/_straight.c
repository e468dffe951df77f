/* A row's straight path, run in C: graphscope.engine.straight writes the same as a function of Python's, which asks here
   first. What is not plain (other kinds of arrays, promotion, lists, a kernel that raises) is answered with None before
   anything was done, and that function goes on by itself. */

#include "_run.h"

enum { MOST = 16 }; /* params of a row */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *row, *kernel;
    PyObject *first;   /* what the kernel takes before its arrays, or NULL */
    PyObject *names;   /* of the params, or NULL */
    PyObject *plans;   /* by the inputs that want a gradient, as bits; None: there is no such plan */
    int n, n_params;
    int wanted;        /* inputs that can have a gradient, as bits */
    int kept[4];       /* what a plan keeps, as bits: the inputs, 4 the output, 8 the aux */
    int n_key, key[MOST]; /* which of the arguments are structure */
    char broadcast, floats, aux, view, floating, like;
} Straight;

static PyObject *tell, *note_op, *numbers32, *numbers64, *nothing; /* () */

/* ---------------------------------------------------------------- small things */

/* The two shapes that a broadcasting op met, or None where they are one. */
static PyObject *shapes_of(PyObject *a, PyObject *b)
{
    const Array *x = (const Array *)a, *y = (const Array *)b;
    if (x->nd == y->nd && (x->nd == 0 || memcmp(x->dims, y->dims, x->nd * sizeof *x->dims) == 0)) {
        Py_RETURN_NONE;
    }
    PyObject *first = shape_of(a), *second = first ? shape_of(b) : NULL;
    PyObject *both = second ? PyTuple_Pack(2, first, second) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return both;
}

/* The params as a dictionary. */
static PyObject *params_of(Straight *self, PyObject *const *params)
{
    PyObject *made = PyDict_New();
    for (int k = 0; made && k < self->n_params; k++) {
        if (PyDict_SetItem(made, PyTuple_GET_ITEM(self->names, k), params[k]) < 0) {
            Py_CLEAR(made);
        }
    }
    return made;
}

/* ---------------------------------------------------------------- the parts of a call */

/* A tape node for a call; NULL: an error. y, b: NULL for a row of one input. mask: which inputs want a gradient. */
static PyObject *node_of(Straight *self, int mask, PyObject *x, PyObject *y, PyObject *a, PyObject *b, PyObject *r, PyObject *aux,
                         PyObject *params)
{
    int n = self->n, kept = self->kept[mask];
    PyObject *node = new_node(PyTuple_GET_ITEM(self->plans, mask), params);
    if (!node) {
        return NULL;
    }
    PyObject *edges = AT(node, node_edges) = PyTuple_New(mask == 3 ? 2 : 1);
    for (int k = 0, at = 0; edges && k < n; k++) {
        if (mask >> k & 1) {
            PyObject *edge = edge_of(k ? y : x);
            if (!edge) {
                goto failed;
            }
            PyTuple_SET_ITEM(edges, at++, edge);
        }
    }
    PyObject *saved = AT(node, node_saved) = PyTuple_New(n + 2), *parts[4] = {a, b, NULL, NULL};
    if (!edges || !saved) {
        goto failed;
    }
    parts[n] = r;
    parts[n + 1] = aux;
    for (int k = 0; k < n + 2; k++) {
        int bit = k < n ? 1 << k : 4 << (k - n);
        PyTuple_SET_ITEM(saved, k, Py_NewRef(kept & bit && parts[k] ? parts[k] : Py_None));
    }
    if (n == 1 || mask == 3) {
        put(node, node_others, Py_None);
    } else {
        PyObject *held = mask == 1 ? held_of(y, b) : held_of(x, a);
        AT(node, node_others) = held ? PyTuple_Pack(2, mask == 1 ? one : zero, held) : NULL;
        Py_XDECREF(held);
    }
    AT(node, node_shapes) = self->broadcast && n == 2 ? shapes_of(a, b) : Py_NewRef(Py_None);
    if (AT(node, node_others) && AT(node, node_shapes)) {
        return node;
    }
failed:
    Py_DECREF(node);
    return NULL;
}

/* Tell a recorder of an op that is on. 0: done; -1: an error that is not the recorder's. */
static int record(Straight *self, PyObject *rec, PyObject *const *args, PyObject *x, PyObject *y, PyObject *out, PyObject *node,
                  PyObject *plan, long long t0, long long t1)
{
    int done = 0;
    PyObject *second = y ? y : Py_None;
    if (is_follower(rec)) {
        Follower *follower = (Follower *)rec;
        done = self->like ? follow_params(follower, plan, args + self->n, self->key, self->n_key, x, second, out, node, t0, t1)
                          : follow_op(follower, plan, x, second, out, node, t0, t1);
    }
    if (done) {
        return done > 0 ? 0 : recorder_raised(rec);
    }
    PyObject *key = PyTuple_New(self->n_key), *answer = NULL;
    for (int k = 0; key && k < self->n_key; k++) {
        PyTuple_SET_ITEM(key, k, Py_NewRef(args[self->n + self->key[k]]));
    }
    PyObject *began = key ? PyLong_FromLongLong(t0) : NULL, *ended = began ? PyLong_FromLongLong(t1) : NULL;
    if (ended) {
        PyObject *all[] = {rec, self->row, key, x, second, nothing, out, began, ended, node};
        done = noted(note_op, rec, all, 10);
        answer = done ? Py_NewRef(Py_None) : PyObject_Vectorcall(tell, all, 10, NULL);
    }
    Py_XDECREF(key);
    Py_XDECREF(began);
    Py_XDECREF(ended);
    Py_XDECREF(answer);
    return answer && done >= 0 ? 0 : -1;
}

/* run(input, [other], params...): the output, or None where that is not for here. */
static PyObject *straight_call(PyObject *self_object, PyObject *const *args, size_t flags, PyObject *names)
{
    Straight *self = (Straight *)self_object;
    PyObject *x, *y = NULL, *a, *b = NULL, *r = NULL, *aux = NULL, *out = NULL, *node = Py_None, *params = NULL, *rec = NULL;
    int n = self->n;
    if (!can_run || names || PyVectorcall_NARGS(flags) != n + self->n_params || !is_tensor(x = args[0]) || !is_array(a = AT(x, tensor_array)) ||
        !is_plain(x)) {
        Py_RETURN_NONE;
    }
    if (n == 2) {
        y = args[1];
        if (self->broadcast && (PyFloat_CheckExact(y) || PyLong_CheckExact(y))) {
            /* A Python number becomes a 0-d array that is kept: numpy takes half of the time for it. */
            PyObject *known = DTYPE(a) == float32 ? numbers32 : DTYPE(a) == float64 ? numbers64 : NULL;
            y = known ? PyDict_GetItemWithError(known, y) : NULL;
            if (!y) {
                return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
            }
        }
        if (!is_tensor(y) || !is_array(b = AT(y, tensor_array)) || !is_plain(y) || (self->broadcast && DTYPE(a) != DTYPE(b))) {
            Py_RETURN_NONE;
        }
    }
    if (self->floats) {
        int floating = is_floating(a);
        if (floating < 1) {
            return floating ? NULL : Py_NewRef(Py_None);
        }
    }
    PyObject *given[4 + MOST], **at = given + 1;
    if (self->first) {
        *at++ = self->first;
    }
    *at++ = a;
    if (b) {
        *at++ = b;
    }
    size_t many = at - given - 1;
    for (int k = 0; k < self->n_params; k++) {
        *at++ = args[n + k];
    }
    /* The kernel may run code of anybody's. */
    Py_INCREF(a);
    Py_XINCREF(b);
    Py_XINCREF(y);
    rec = recorder;
    Py_XINCREF(rec);
    long long t0 = rec ? now_ns() : 0, t1 = 0;
    r = PyObject_Vectorcall(self->kernel, given + 1, many | PY_VECTORCALL_ARGUMENTS_OFFSET, self->names);
    if (!r) {
        if (PyErr_ExceptionMatches(PyExc_Exception)) {
            PyErr_Clear(); /* the function of Python's calls it again, and words what it raises */
            out = Py_NewRef(Py_None);
        }
        goto done;
    }
    if (rec && ((t1 = now_ns()) == -1 || t0 == -1) && PyErr_Occurred()) {
        goto done;
    }
    if ((self->aux && split_aux(self->row, &r, &aux) < 0) || to_array(self->row, &r) < 0) {
        goto done;
    }
    int mask = (AT(x, tensor_wants) == Py_True ? 1 : 0) | (y && AT(y, tensor_wants) == Py_True ? 2 : 0);
    mask &= self->wanted;
    if (mask) {
        int wanted = wants_grad();
        if (wanted == 1 && self->floating) {
            wanted = is_floating(r);
        }
        if (wanted < 0) {
            goto done;
        }
        mask = wanted ? mask : 0;
    }
    if (self->n_params && (mask || self->view) && !(params = params_of(self, args + n))) {
        goto done;
    }
    PyObject *plan = PyTuple_GET_ITEM(self->plans, mask), *made = new_tensor(r);
    if (!made) {
        goto done;
    }
    if (mask) {
        node = node_of(self, mask, x, y, a, b, r, aux, params);
        if (!node) {
            node = Py_None;
            Py_DECREF(made);
            goto done;
        }
        give_to(made, node);
    }
    if (self->view && !link_view(made, x, self->row, params, mask)) {
        Py_DECREF(made);
        goto done;
    }
    if (rec && record(self, rec, args, x, y, made, node, plan, t0, t1) < 0) {
        Py_DECREF(made);
        goto done;
    }
    out = made;
done:
    if (node != Py_None) {
        Py_DECREF(node);
    }
    Py_DECREF(a);
    Py_XDECREF(b);
    Py_XDECREF(y);
    Py_XDECREF(r);
    Py_XDECREF(aux);
    Py_XDECREF(params);
    Py_XDECREF(rec);
    return out;
}

/* ---------------------------------------------------------------- the type */

static int straight_traverse(Straight *self, visitproc visit, void *arg)
{
    Py_VISIT(self->row);
    Py_VISIT(self->kernel);
    Py_VISIT(self->first);
    Py_VISIT(self->names);
    Py_VISIT(self->plans);
    return 0;
}

static int straight_clear(Straight *self)
{
    Py_CLEAR(self->row);
    Py_CLEAR(self->kernel);
    Py_CLEAR(self->first);
    Py_CLEAR(self->names);
    Py_CLEAR(self->plans);
    return 0;
}

static void straight_dealloc(Straight *self)
{
    PyObject_GC_UnTrack(self);
    straight_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Straight(row, kernel, first, names, key, plans, kept, n, wanted, facts) */
static PyObject *straight_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *row, *kernel, *first, *names, *key, *plans, *kept;
    int n, wanted;
    const char *facts;
    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "Straight takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOO!O!O!O!iis:Straight", &row, &kernel, &first, &PyTuple_Type, &names, &PyTuple_Type, &key,
                          &PyTuple_Type, &plans, &PyTuple_Type, &kept, &n, &wanted, &facts)) {
        return NULL;
    }
    if (n < 1 || n > 2 || wanted < 0 || wanted >= 1 << n || PyTuple_GET_SIZE(names) > MOST || PyTuple_GET_SIZE(key) > PyTuple_GET_SIZE(names) ||
        PyTuple_GET_SIZE(plans) != 1 << n || PyTuple_GET_SIZE(kept) != 1 << n || !PyCallable_Check(kernel)) {
        PyErr_SetString(PyExc_TypeError, "Straight takes a row of one or two inputs");
        return NULL;
    }
    Straight *self = (Straight *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->call = straight_call;
    self->row = Py_NewRef(row);
    self->kernel = Py_NewRef(kernel);
    self->first = first == Py_None ? NULL : Py_NewRef(first);
    self->names = PyTuple_GET_SIZE(names) ? Py_NewRef(names) : NULL;
    self->plans = Py_NewRef(plans);
    self->n = n;
    self->n_params = (int)PyTuple_GET_SIZE(names);
    self->wanted = wanted;
    self->n_key = (int)PyTuple_GET_SIZE(key);
    for (int k = 0; k < self->n_key; k++) {
        long which = PyLong_AsLong(PyTuple_GET_ITEM(key, k));
        if (which < 0 || which >= self->n_params) {
            PyErr_SetString(PyExc_TypeError, "a key is made of the row's own params");
            Py_DECREF(self);
            return NULL;
        }
        self->key[k] = (int)which;
    }
    for (int k = 0; k < 1 << n; k++) {
        self->kept[k] = (int)PyLong_AsLong(PyTuple_GET_ITEM(kept, k));
    }
    for (const char *fact = facts; *fact; fact++) {
        self->broadcast |= *fact == 'b';
        self->floats |= *fact == 'f';
        self->aux |= *fact == 'a';
        self->view |= *fact == 'v';
        self->floating |= *fact == 'r';
        self->like |= *fact == 'l';
    }
    if (PyErr_Occurred()) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

PyTypeObject StraightType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._follow.Straight",
    .tp_doc = "Straight(row, kernel, first, names, key, plans, kept, n, wanted, facts): runs a row; None where that is not for here.\n\n"
              "first: what the kernel takes before its arrays, or None. names: of its params; key: which of them are structure.\n"
              "plans, kept: for each set of inputs that want a gradient. facts: b broadcasts, f takes floats, a keeps an aux,\n"
              "v makes a view, r may give integers, l is compared by params, shape and dtype.",
    .tp_basicsize = sizeof(Straight),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Straight, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = straight_new,
    .tp_traverse = (traverseproc)straight_traverse,
    .tp_clear = (inquiry)straight_clear,
    .tp_dealloc = (destructor)straight_dealloc,
};

int straight_with(PyObject *names)
{
    const char *const wanted[] = {"tell", "note_op", "numbers32", "numbers64"};
    PyObject **at[] = {&tell, &note_op, &numbers32, &numbers64};
    if (find_objects(names, wanted, at, sizeof at / sizeof at[0]) < 0) {
        return -1;
    }
    if (!PyDict_Check(numbers32) || !PyDict_Check(numbers64)) {
        PyErr_SetString(PyExc_TypeError, "numbers are kept in dictionaries");
        return -1;
    }
    return nothing || (nothing = PyTuple_New(0)) ? 0 : -1;
}
