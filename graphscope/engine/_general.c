/* Any row whose inputs are plain tensors on the host, run in C: graphscope.engine.dispatch.general says what is done, and does
   it where something is not plain (other kinds of arrays, promotion, numbers). */

#include "_run.h"

enum { INPUTS = 60, MOST = 24 }; /* at most so many inputs, and params */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *row, *kernel;
    PyObject *first;    /* what the kernel takes before its arrays, or NULL */
    PyObject *slow;     /* the same in Python */
    PyObject *plans, *plan_of; /* a dictionary by the inputs that want a gradient, as bits, and what makes one */
    PyObject *key;      /* names of params that are structure */
    PyObject *defaults; /* of all params */
    int n;              /* named inputs */
    long long wanted;   /* inputs that can have a gradient, as bits; -1: all */
    char broadcast, floats, aux, multi, view, writes, mask_first, tail, equal, keeps, into;
} General;

static PyObject *tell, *note_op, *failed, *wrote;
static Py_ssize_t plan_wants, plan_kept, plan_keep_out, plan_keep_aux;
static PyTypeObject *plan_type;

/* One call. */
typedef struct {
    PyObject *const *inputs, *const *values; /* tensors, params */
    PyObject *arrays[INPUTS];
    Py_ssize_t n, named;
    PyObject *names;
} Call;

static PyObject *params_of(const Call *call, PyObject *defaults)
{
    PyObject *made = defaults ? PyDict_Copy(defaults) : PyDict_New();
    for (Py_ssize_t k = 0; made && k < call->named; k++) {
        if (PyDict_SetItem(made, PyTuple_GET_ITEM(call->names, k), call->values[k]) < 0) {
            Py_CLEAR(made);
        }
    }
    return made;
}

static PyObject *tuple_of(PyObject *const *items, Py_ssize_t n)
{
    PyObject *made = PyTuple_New(n);
    for (Py_ssize_t k = 0; made && k < n; k++) {
        PyTuple_SET_ITEM(made, k, Py_NewRef(items[k]));
    }
    return made;
}

/* ---------------------------------------------------------------- the node */

/* What the node of a row of named inputs keeps: (inputs..., output, aux). */
static PyObject *saved_of(General *self, const Call *call, PyObject *plan, PyObject *r, PyObject *aux)
{
    PyObject *kept = AT(plan, plan_kept), *saved = PyTuple_New(self->n + 2);
    for (Py_ssize_t k = 0; saved && k < self->n; k++) {
        PyObject *part = Py_None;
        if (PyTuple_GET_ITEM(kept, k) == Py_True && k < call->n) {
            if (self->tail && k == self->n - 1) { /* the arrays from here on are one tuple */
                part = tuple_of(call->arrays + k, call->n - k);
                if (!part) {
                    Py_CLEAR(saved);
                    break;
                }
                PyTuple_SET_ITEM(saved, k, part);
                continue;
            }
            part = call->arrays[k];
        } else if (PyTuple_GET_ITEM(kept, k) == Py_True && self->tail && k == self->n - 1) {
            part = PyTuple_New(0);
            PyTuple_SET_ITEM(saved, k, part);
            continue;
        }
        PyTuple_SET_ITEM(saved, k, Py_NewRef(part));
    }
    if (saved) {
        PyTuple_SET_ITEM(saved, self->n, Py_NewRef(AT(plan, plan_keep_out) == Py_True ? r : Py_None));
        PyTuple_SET_ITEM(saved, self->n + 1, Py_NewRef(AT(plan, plan_keep_aux) == Py_True && aux ? aux : Py_None));
    }
    return saved;
}

/* The same of one that takes any number of equal inputs. */
static PyObject *saved_equal(General *self, const Call *call, PyObject *plan, PyObject *r, PyObject *aux)
{
    PyObject *all = self->keeps ? tuple_of(call->arrays, call->n) : Py_NewRef(Py_None);
    PyObject *saved = all ? PyTuple_Pack(3, all, AT(plan, plan_keep_out) == Py_True ? r : Py_None,
                                         AT(plan, plan_keep_aux) == Py_True && aux ? aux : Py_None) : NULL;
    Py_XDECREF(all);
    return saved;
}

/* Where the gradients go. Of equal inputs there is one entry each, None for those that want none. */
static PyObject *edges_of(General *self, const Call *call, PyObject *plan)
{
    PyObject *wants = AT(plan, plan_wants);
    Py_ssize_t n = self->equal ? call->n : PyTuple_GET_SIZE(wants);
    PyObject *edges = PyTuple_New(n);
    for (Py_ssize_t k = 0; edges && k < n; k++) {
        Py_ssize_t slot = self->equal ? k : PyLong_AsSsize_t(PyTuple_GET_ITEM(PyTuple_GET_ITEM(wants, k), 0));
        PyObject *edge = NULL;
        if (slot < 0 || slot >= call->n) {
            PyErr_Format(PyExc_RuntimeError, "%R wants the gradient of an input that it has not", self->row);
        } else if (self->equal && AT(call->inputs[slot], tensor_wants) != Py_True) {
            edge = Py_NewRef(Py_None);
        } else {
            edge = edge_of(call->inputs[slot]);
        }
        if (!edge) {
            Py_CLEAR(edges);
            break;
        }
        PyTuple_SET_ITEM(edges, k, edge);
    }
    return edges;
}

/* The inputs that get no gradient: position, input, position, input... or None. */
static PyObject *others_of(General *self, const Call *call, unsigned long long mask, Py_ssize_t edges)
{
    Py_ssize_t many = 0;
    if (edges == call->n && !self->equal) {
        Py_RETURN_NONE;
    }
    for (Py_ssize_t k = 0; k < call->n; k++) {
        many += !(mask >> k & 1);
    }
    if (!many) {
        Py_RETURN_NONE;
    }
    PyObject *others = PyTuple_New(2 * many);
    for (Py_ssize_t k = 0, at = 0; others && k < call->n; k++) {
        PyObject *x = call->inputs[k];
        if (mask >> k & 1) {
            continue;
        }
        PyObject *place = PyLong_FromSsize_t(k);
        PyObject *held = !place ? NULL : self->equal ? PyWeakref_NewRef(x, NULL) : held_of(x, call->arrays[k]);
        if (!held) {
            Py_XDECREF(place);
            Py_CLEAR(others);
            break;
        }
        PyTuple_SET_ITEM(others, at++, place);
        PyTuple_SET_ITEM(others, at++, held);
    }
    return others;
}

static PyObject *node_of(General *self, const Call *call, unsigned long long mask, PyObject *r, PyObject *aux)
{
    PyObject *bits = PyLong_FromUnsignedLongLong(self->equal ? 1 : mask);
    PyObject *plan = bits ? PyDict_GetItemWithError(self->plans, bits) : NULL;
    Py_XINCREF(plan);
    if (bits && !plan && !PyErr_Occurred()) {
        plan = PyObject_CallOneArg(self->plan_of, bits);
    }
    Py_XDECREF(bits);
    if (plan && Py_TYPE(plan) != plan_type) {
        PyErr_Format(PyExc_TypeError, "%R has no plan", self->row);
        Py_CLEAR(plan);
    }
    if (!plan) {
        return NULL;
    }
    PyObject *params = NULL, *node = NULL;
    Py_ssize_t all = PyDict_GET_SIZE(self->defaults);
    if (all) { /* those left out are what the kernel took for them */
        params = params_of(call, call->named < all ? self->defaults : NULL);
    } else if (call->named) {
        params = params_of(call, NULL);
    }
    if (params || !(all || call->named)) {
        node = new_node(plan, params);
    }
    Py_XDECREF(params);
    if (node) {
        PyObject *edges = AT(node, node_edges) = edges_of(self, call, plan);
        if (edges) {
            AT(node, node_saved) = self->equal ? saved_equal(self, call, plan, r, aux) : saved_of(self, call, plan, r, aux);
            AT(node, node_others) = others_of(self, call, mask, PyTuple_GET_SIZE(edges));
        }
        PyObject *shapes = self->broadcast ? PyTuple_New(call->n) : Py_NewRef(Py_None);
        for (Py_ssize_t k = 0; self->broadcast && shapes && k < call->n; k++) {
            PyObject *shape = shape_of(call->arrays[k]);
            if (!shape) {
                Py_CLEAR(shapes);
                break;
            }
            PyTuple_SET_ITEM(shapes, k, shape);
        }
        AT(node, node_shapes) = shapes;
        if (!edges || !AT(node, node_saved) || !AT(node, node_others) || !shapes) {
            Py_CLEAR(node);
        }
    }
    Py_DECREF(plan);
    return node;
}

/* ---------------------------------------------------------------- a call */

/* One output of a call; node: NULL if there is no graph. A new reference. */
static PyObject *output_of(PyObject *array, PyObject *node, Py_ssize_t k)
{
    PyObject *made = is_array(array) ? Py_NewRef(array) : PyObject_CallOneArg(as_array, array);
    if (made && !is_array(made)) {
        PyErr_SetString(PyExc_TypeError, "a kernel gives arrays");
        Py_CLEAR(made);
    }
    PyObject *out = made ? new_tensor(made) : NULL;
    int floating = out && node ? is_floating(made) : 0;
    Py_XDECREF(made);
    if (floating < 0) {
        Py_CLEAR(out);
    } else if (floating) {
        give_to(out, node);
        PyObject *which = k ? PyLong_FromSsize_t(k) : NULL;
        if (which) {
            set(out, tensor_k, which);
            Py_DECREF(which);
        } else if (k) {
            Py_CLEAR(out);
        }
    }
    return out;
}

static int record(General *self, PyObject *rec, const Call *call, PyObject *out, PyObject *node, long long t0, long long t1)
{
    PyObject *values[MOST];
    int n = 0;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(self->key); k++) {
        PyObject *name = PyTuple_GET_ITEM(self->key, k);
        for (Py_ssize_t m = 0; m < call->named; m++) {
            PyObject *given = PyTuple_GET_ITEM(call->names, m);
            if (given == name || PyUnicode_Compare(given, name) == 0) {
                values[n++] = call->values[m];
                break;
            }
        }
    }
    int done = 0;
    if (is_follower(rec)) {
        done = follow_row((Follower *)rec, self->row, values, n, call->inputs, call->n, out, node, t0, t1);
        if (done) {
            return done > 0 ? 0 : recorder_raised(rec);
        }
    }
    PyObject *key = tuple_of(values, n), *rest = tuple_of(call->inputs + 2, call->n > 2 ? call->n - 2 : 0), *answer = NULL;
    PyObject *began = PyLong_FromLongLong(t0), *ended = PyLong_FromLongLong(t1);
    if (key && rest && began && ended) {
        PyObject *all[] = {rec, self->row, key, call->inputs[0], call->n > 1 ? call->inputs[1] : Py_None, rest, out, began, ended, node};
        done = noted(note_op, rec, all, 10);
        answer = done ? Py_NewRef(Py_None) : PyObject_Vectorcall(tell, all, 10, NULL);
    }
    Py_XDECREF(key);
    Py_XDECREF(rest);
    Py_XDECREF(began);
    Py_XDECREF(ended);
    Py_XDECREF(answer);
    return answer && done >= 0 ? 0 : -1;
}

/* The kernel raised: say so as the engine does. */
static void word(General *self, const Call *call)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return;
    }
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace && error) {
        PyException_SetTraceback(error, trace);
    }
    PyObject *inputs = tuple_of(call->inputs, call->n), *params = inputs ? params_of(call, NULL) : NULL;
    PyObject *answer = params ? PyObject_CallFunctionObjArgs(failed, self->row, error, inputs, params, NULL) : NULL;
    if (answer) {
        PyErr_SetString(PyExc_SystemError, "a kernel's error was not raised");
        Py_DECREF(answer);
    }
    Py_XDECREF(inputs);
    Py_XDECREF(params);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
}

/* Whether the inputs are such that nothing has to be converted; -1: an error. */
static int are_plain(General *self, PyObject *const *inputs, Call *call)
{
    for (Py_ssize_t k = 0; k < call->n; k++) {
        PyObject *x = inputs[k];
        if (!is_tensor(x) || !is_array(call->arrays[k] = AT(x, tensor_array)) || !is_plain(x)) {
            return 0;
        }
    }
    Py_ssize_t skip = self->mask_first;
    if ((self->broadcast || self->floats) && call->n <= skip) {
        return 0;
    }
    for (Py_ssize_t k = skip + 1; self->broadcast && k < call->n; k++) {
        if (DTYPE(call->arrays[k]) != DTYPE(call->arrays[skip])) {
            return 0;
        }
    }
    int fine = self->floats ? is_floating(call->arrays[skip]) : 1;
    if (fine == 1 && self->writes && AT(inputs[0], tensor_wants) == Py_True) {
        int wanted = wants_grad(); /* then it raises */
        fine = wanted < 0 ? -1 : !wanted;
    }
    return fine;
}

/* What a call of a kernel gave, as its output: a tensor, or the tuple of them. A new reference. */
static PyObject *wrap(General *self, const Call *call, PyObject *r, PyObject **node)
{
    PyObject *out = NULL;
    if (self->multi) {
        PyObject *parts = PySequence_Fast(r, "a kernel of several outputs gives a sequence");
        Py_ssize_t n = parts ? PySequence_Fast_GET_SIZE(parts) : 0;
        out = parts ? PyTuple_New(n) : NULL;
        for (Py_ssize_t k = 0; out && k < n; k++) {
            PyObject *one_of = output_of(PySequence_Fast_GET_ITEM(parts, k), *node, k);
            if (!one_of) {
                Py_CLEAR(out);
                break;
            }
            PyTuple_SET_ITEM(out, k, one_of);
        }
        Py_XDECREF(parts);
        if (out && *node) {
            PyObject *many = PyLong_FromSsize_t(n);
            if (!many) {
                Py_CLEAR(out);
                return NULL;
            }
            set(*node, node_nout, many);
            Py_DECREF(many);
        }
        return out;
    }
    if (self->writes) {
        PyObject *answer = PyObject_CallFunctionObjArgs(wrote, r, self->row, NULL);
        Py_XDECREF(answer);
        return answer ? Py_NewRef(call->inputs[0]) : NULL;
    }
    if (*node) {
        int floating = is_floating(r);
        if (floating < 0) {
            return NULL;
        }
        if (!floating) {
            Py_CLEAR(*node);
        }
    }
    out = output_of(r, *node, 0);
    if (out && self->view) {
        PyObject *params = params_of(call, NULL);
        if (!params || !link_view(out, call->inputs[0], self->row, params, *node != NULL)) {
            Py_CLEAR(out);
        }
        Py_XDECREF(params);
    }
    return out;
}

/* run(*inputs, **params): the output, or the tuple of them */
static PyObject *general_call(PyObject *self_object, PyObject *const *args, size_t flags, PyObject *names)
{
    General *self = (General *)self_object;
    Call call = {.inputs = args, .n = PyVectorcall_NARGS(flags), .named = names ? PyTuple_GET_SIZE(names) : 0, .names = names};
    int plain = can_run && call.n >= 1 && call.n <= INPUTS && call.named <= MOST ? are_plain(self, args, &call) : 0;
    if (plain < 1) {
        return plain ? NULL : PyObject_Vectorcall(self->slow, args, flags & ~PY_VECTORCALL_ARGUMENTS_OFFSET, names);
    }
    call.values = args + call.n;
    PyObject *given[3 + INPUTS + MOST], **at = given + 1, *r = NULL, *aux = NULL, *node = NULL, *out = NULL, *rec = recorder;
    if (self->first) {
        *at++ = self->first;
    }
    for (Py_ssize_t k = 0; k < call.n; k++) {
        *at++ = Py_NewRef(call.arrays[k]); /* the kernel may run code of anybody's */
    }
    if (self->into) {
        *at++ = call.arrays[0];
    }
    size_t many = at - given - 1;
    for (Py_ssize_t k = 0; k < call.named; k++) {
        *at++ = call.values[k];
    }
    Py_XINCREF(rec);
    long long t0 = rec ? now_ns() : 0, t1 = 0;
    r = PyObject_Vectorcall(self->kernel, given + 1, many | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
    if (!r) {
        word(self, &call);
        goto done;
    }
    if (rec && ((t1 = now_ns()) == -1 || t0 == -1) && PyErr_Occurred()) {
        goto done;
    }
    /* An array before the tape may keep it. */
    if ((self->aux && split_aux(self->row, &r, &aux) < 0) || (!self->multi && to_array(self->row, &r) < 0)) {
        goto done;
    }
    unsigned long long mask = 0;
    for (Py_ssize_t k = 0; k < call.n; k++) {
        mask |= (unsigned long long)(AT(args[k], tensor_wants) == Py_True) << k;
    }
    mask &= (unsigned long long)self->wanted;
    if (mask) {
        int wanted = wants_grad();
        if (wanted < 0 || (wanted && !(node = node_of(self, &call, mask, r, aux)))) {
            goto done;
        }
    }
    out = wrap(self, &call, r, &node);
    if (out && rec && record(self, rec, &call, out, node ? node : Py_None, t0, t1) < 0) {
        Py_CLEAR(out);
    }
done:
    for (Py_ssize_t k = 0; k < call.n; k++) {
        Py_DECREF(call.arrays[k]);
    }
    Py_XDECREF(r);
    Py_XDECREF(aux);
    Py_XDECREF(node);
    Py_XDECREF(rec);
    return out;
}

/* ---------------------------------------------------------------- the type */

static int general_traverse(General *self, visitproc visit, void *arg)
{
    Py_VISIT(self->row);
    Py_VISIT(self->kernel);
    Py_VISIT(self->first);
    Py_VISIT(self->slow);
    Py_VISIT(self->plans);
    Py_VISIT(self->plan_of);
    Py_VISIT(self->key);
    Py_VISIT(self->defaults);
    return 0;
}

static int general_clear(General *self)
{
    Py_CLEAR(self->row);
    Py_CLEAR(self->kernel);
    Py_CLEAR(self->first);
    Py_CLEAR(self->slow);
    Py_CLEAR(self->plans);
    Py_CLEAR(self->plan_of);
    Py_CLEAR(self->key);
    Py_CLEAR(self->defaults);
    return 0;
}

static void general_dealloc(General *self)
{
    PyObject_GC_UnTrack(self);
    general_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* General(row, kernel, first, slow, plans, plan, key, defaults, n, wanted, facts) */
static PyObject *general_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *row, *kernel, *first, *slow, *plans, *plan_of, *key, *defaults;
    int n;
    long long wanted;
    const char *facts;
    if (keywords && PyDict_GET_SIZE(keywords)) {
        PyErr_SetString(PyExc_TypeError, "General takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOOO!OO!O!iLs:General", &row, &kernel, &first, &slow, &PyDict_Type, &plans, &plan_of, &PyTuple_Type, &key,
                          &PyDict_Type, &defaults, &n, &wanted, &facts)) {
        return NULL;
    }
    if (n < 0 || n > INPUTS || PyTuple_GET_SIZE(key) > MOST || !PyCallable_Check(kernel) || !PyCallable_Check(slow)) {
        PyErr_SetString(PyExc_TypeError, "General takes a row of not too many inputs and params");
        return NULL;
    }
    General *self = (General *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->call = general_call;
    self->row = Py_NewRef(row);
    self->kernel = Py_NewRef(kernel);
    self->first = first == Py_None ? NULL : Py_NewRef(first);
    self->slow = Py_NewRef(slow);
    self->plans = Py_NewRef(plans);
    self->plan_of = Py_NewRef(plan_of);
    self->key = Py_NewRef(key);
    self->defaults = Py_NewRef(defaults);
    self->n = n;
    self->wanted = wanted;
    for (const char *fact = facts; *fact; fact++) {
        self->broadcast |= *fact == 'b';
        self->floats |= *fact == 'f';
        self->aux |= *fact == 'a';
        self->multi |= *fact == 'm';
        self->view |= *fact == 'v';
        self->writes |= *fact == 'w';
        self->mask_first |= *fact == '1';
        self->tail |= *fact == 't';
        self->equal |= *fact == '*';
        self->keeps |= *fact == 'k';
        self->into |= *fact == 'u';
    }
    return (PyObject *)self;
}

PyTypeObject GeneralType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._follow.General",
    .tp_doc = "General(row, kernel, first, slow, plans, plan, key, defaults, n, wanted, facts): runs any row.\n\n"
              "first: what the kernel takes before its arrays, or None. slow: runs it where an input is not plain. plan: makes one.\n"
              "key: names of params that are structure. defaults: of all params. n: how many inputs have a name; wanted: which can have a gradient, as bits. facts: b broadcasts,\n"
              "f takes floats, a keeps an aux, m has several outputs, v makes a view, w writes its first input, 1 that one is a mask,\n"
              "t takes a tuple of arrays at the end, * takes equal inputs, and k keeps them, u is a function that is\n"
              "called with its first array once more, to write into.",
    .tp_basicsize = sizeof(General),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(General, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = general_new,
    .tp_traverse = (traverseproc)general_traverse,
    .tp_clear = (inquiry)general_clear,
    .tp_dealloc = (destructor)general_dealloc,
};

int general_with(PyObject *names)
{
    PyObject *plan = NULL;
    const char *const wanted[] = {"tell", "note_op", "failed", "wrote", "Plan"};
    PyObject **at[] = {&tell, &note_op, &failed, &wrote, &plan};
    if (find_objects(names, wanted, at, sizeof at / sizeof at[0]) < 0 || !PyType_Check(plan)) {
        return -1;
    }
    plan_type = (PyTypeObject *)plan;
    struct {
        const char *name;
        Py_ssize_t *at;
    } slots[] = {{"wants", &plan_wants}, {"kept", &plan_kept}, {"keep_out", &plan_keep_out}, {"keep_aux", &plan_keep_aux}};
    for (size_t k = 0; k < sizeof slots / sizeof slots[0]; k++) {
        if ((*slots[k].at = offset_of(plan_type, slots[k].name)) < 0) {
            return -1;
        }
    }
    return 0;
}
