/* The fast loop of a backward pass, in C: graphscope.engine.backward says what it does, and does the same in Python. */

#include "_run.h"

enum { MOST = 16 }; /* arguments of a formula */

static Py_ssize_t plan_argc, plan_fn, plan_i, plan_j, plan_slot, plan_want, plan_wants;
static PyTypeObject *plan_type;
static PyObject *heap_push, *heap_pop, *push_part, *visit, *accumulate, *sum_to, *tell_grad, *tell_leaf, *note_grad, *note_leaf, *failed_at;
static PyObject *text_values;
static int ready;

/* One pass. */
typedef struct {
    PyObject *pending; /* a heap of (-seq, node) */
    PyObject *F, *rec, *retain;
    int keep, told, values;
    double last;
} Pass;

/* ---------------------------------------------------------------- small things */

static int wait_for(Pass *pass, PyObject *node)
{
    long long seq = PyLong_AsLongLong(AT(node, node_seq));
    PyObject *key = seq == -1 && PyErr_Occurred() ? NULL : PyLong_FromLongLong(-seq);
    PyObject *entry = key ? PyTuple_Pack(2, key, node) : NULL;
    PyObject *done = entry ? PyObject_CallFunctionObjArgs(heap_push, pass->pending, entry, NULL) : NULL;
    Py_XDECREF(key);
    Py_XDECREF(entry);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What a formula makes, as an array that its own memory belongs to or not: whatever Python gives. */
static PyObject *item(PyObject *tuple, PyObject *index)
{
    Py_ssize_t k = PyLong_AsSsize_t(index);
    if (k == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (!PyTuple_Check(tuple) || k < 0 || k >= PyTuple_GET_SIZE(tuple)) {
        PyErr_SetString(PyExc_IndexError, "a formula asks for what its node has not saved");
        return NULL;
    }
    return PyTuple_GET_ITEM(tuple, k);
}

/* The gradient of a broadcast input has its shape. Steals `got`. */
static PyObject *shaped(PyObject *got, PyObject *shapes, PyObject *slot)
{
    if (!got || shapes == Py_None) {
        return got;
    }
    PyObject *shape = item(shapes, slot);
    int same = -1;
    if (shape && is_array(got)) {
        same = is_shaped(got, shape);
    } else if (shape) {
        PyObject *found = PyObject_GetAttr(got, text_shape);
        same = found ? PyObject_RichCompareBool(found, shape, Py_EQ) : -1;
        Py_XDECREF(found);
    }
    if (same == 1) {
        return got;
    }
    PyObject *summed = same == 0 ? PyObject_CallFunctionObjArgs(sum_to, got, shape, NULL) : NULL;
    Py_DECREF(got);
    return summed;
}

/* Tell the recorder of a gradient. */
static int record(Pass *pass, PyObject *want, PyObject *node, PyObject *slot, PyObject *got, long long t0, long long t1, int alias)
{
    if (is_follower(pass->rec)) {
        int done = follow_gradient((Follower *)pass->rec, want, node, t0, t1);
        if (done) {
            pass->told = done > 0;
            return done > 0 ? 0 : recorder_raised(pass->rec);
        }
    }
    PyObject *began = PyLong_FromLongLong(t0), *ended = began ? PyLong_FromLongLong(t1) : NULL;
    PyObject *all[] = {pass->rec, want, node, slot, got, began, ended, alias ? Py_True : Py_False}, *answer = NULL;
    int done = 0;
    if (ended) {
        PyObject *few[] = {pass->rec, node, slot, got, began, ended, all[7]};
        done = noted(note_grad, pass->rec, few, 7);
        answer = done ? PyBool_FromLong(done != STOPPED) : PyObject_Vectorcall(tell_grad, all, 8, NULL);
    }
    Py_XDECREF(began);
    Py_XDECREF(ended);
    if (!answer || done < 0) {
        Py_XDECREF(answer);
        return -1;
    }
    pass->told = answer == Py_True; /* not if it failed */
    Py_DECREF(answer);
    return 0;
}

/* Add to the gradient of a leaf. */
static int into_leaf(PyObject *leaf, PyObject *got, int shared)
{
    if (!is_tensor(leaf) || AT(leaf, tensor_grad) != Py_None || shared || !is_array(got) || ((Array *)got)->base) {
        PyObject *done = PyObject_CallFunctionObjArgs(accumulate, leaf, got, Py_False, shared ? Py_True : Py_False, NULL);
        Py_XDECREF(done);
        return done ? 0 : -1;
    }
    PyObject *made = new_tensor(got), *rec = recorder;
    if (!made) {
        return -1;
    }
    set(leaf, tensor_grad, made);
    Py_DECREF(made);
    if (!rec || (is_follower(rec) && follow_a_leaf((Follower *)rec, leaf))) {
        return 0;
    }
    PyObject *both[] = {rec, leaf};
    int known = noted(note_leaf, rec, both, 2);
    if (known) {
        return known < 0 ? -1 : 0;
    }
    PyObject *done = PyObject_CallFunctionObjArgs(tell_leaf, rec, leaf, got, NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Add to the gradient of a node that waits, or has to from now on. next: NULL, or where a node goes that is newer than all
   that wait: it comes next, and needs no heap. */
static int into_node(Pass *pass, PyObject *node, PyObject *got, PyObject **next)
{
    PyObject *have = AT(node, node_g);
    if (have && have != Py_None) {
        Py_INCREF(have);
        PyObject *sum = PyNumber_Add(have, got);
        Py_DECREF(have);
        if (!sum) {
            return -1;
        }
        set(node, node_g, sum);
        Py_DECREF(sum);
        return 0;
    }
    set(node, node_g, got);
    if (next) {
        PyObject *first = PyList_GET_SIZE(pass->pending) ? PyList_GET_ITEM(pass->pending, 0) : NULL;
        long long newest = 0, seq = PyLong_AsLongLong(AT(node, node_seq));
        if (first) {
            newest = PyTuple_Check(first) && PyTuple_GET_SIZE(first) == 2 ? -PyLong_AsLongLong(PyTuple_GET_ITEM(first, 0)) : 0;
        }
        if (PyErr_Occurred()) {
            return -1;
        }
        if (!first || newest <= seq) {
            Py_INCREF(node);
            *next = node;
            return 0;
        }
    }
    return wait_for(pass, node);
}

static int into_edge(Pass *pass, PyObject *edge, PyObject *got, int alias, PyObject **next)
{
    if (Py_TYPE(edge) == node_type) {
        return into_node(pass, edge, got, next);
    }
    if (PyTuple_Check(edge)) {
        PyObject *done = PyObject_CallFunctionObjArgs(push_part, pass->pending, edge, got, NULL);
        Py_XDECREF(done);
        return done ? 0 : -1;
    }
    return into_leaf(edge, got, alias);
}

/* ---------------------------------------------------------------- nodes */

/* A node of one gradient. next: the node that comes after it, if that is known. */
static int step_one(Pass *pass, PyObject *node, PyObject *plan, long argc, PyObject *saved, PyObject **next)
{
    PyObject *g = AT(node, node_g), *fn = AT(plan, plan_fn), *slot = AT(plan, plan_slot), *want = AT(plan, plan_want), *got = NULL;
    PyObject *given[5] = {NULL, pass->F, g};
    size_t n = 2;
    if (!g || !fn || !slot || !want) {
        PyErr_SetString(PyExc_RuntimeError, "backward: a node has no gradient, or no formula");
        return -1;
    }
    int failed = -1;
    AT(node, node_g) = Py_NewRef(Py_None); /* `g` is ours */
    Py_INCREF(saved);
    Py_INCREF(fn);
    if (argc == 3) {
        given[3] = saved;
        given[4] = AT(node, node_params);
        n = 4;
    } else {
        if (argc > 0) {
            if (!(given[3] = item(saved, AT(plan, plan_i)))) {
                goto done;
            }
            n = 3;
        }
        if (argc > 1) {
            if (!(given[4] = item(saved, AT(plan, plan_j)))) {
                goto done;
            }
            n = 4;
        }
    }
    long long t0 = pass->told ? now_ns() : 0, t1 = 0;
    if (t0 == -1 && PyErr_Occurred()) {
        goto done;
    }
    got = shaped(PyObject_Vectorcall(fn, given + 1, n | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL), AT(node, node_shapes), slot);
    if (!got) {
        goto done;
    }
    if (pass->told) {
        t1 = now_ns();
        if ((t1 == -1 && PyErr_Occurred()) || record(pass, want, node, slot, got, t0, t1, got == g) < 0) {
            goto done;
        }
    }
    if (!pass->keep) {
        set(node, node_saved, Py_None);
    }
    PyObject *edges = AT(node, node_edges);
    if (!edges || !PyTuple_Check(edges) || PyTuple_GET_SIZE(edges) < 1) {
        PyErr_SetString(PyExc_RuntimeError, "backward: a node has no edge");
        goto done;
    }
    PyObject *edge = Py_NewRef(PyTuple_GET_ITEM(edges, 0));
    failed = into_edge(pass, edge, got, got == g, next);
    Py_DECREF(edge);
done:
    Py_XDECREF(got);
    Py_DECREF(fn);
    Py_DECREF(saved);
    Py_DECREF(g);
    return failed;
}

/* One of the gradients of a node: what its formula gives, of the shape of its input. */
static PyObject *part_of(Pass *pass, PyObject *node, PyObject *want, PyObject *g, PyObject *saved)
{
    /* Want: (slot, name, fn, take, params) */
    PyObject *fn = PyTuple_GET_ITEM(want, 2), *take = PyTuple_GET_ITEM(want, 3), *params = PyTuple_GET_ITEM(want, 4);
    PyObject *given[3 + 2 * MOST] = {NULL, pass->F, g}, *held = AT(node, node_params);
    Py_ssize_t n = 2, named = PyTuple_GET_SIZE(params);
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(take); k++) {
        if (!(given[1 + n++] = item(saved, PyTuple_GET_ITEM(take, k)))) {
            return NULL;
        }
    }
    for (Py_ssize_t k = 0; k < named; k++) {
        PyObject *value = PyDict_Check(held) ? PyDict_GetItemWithError(held, PyTuple_GET_ITEM(params, k)) : NULL;
        if (!value) {
            if (!PyErr_Occurred()) {
                PyErr_SetObject(PyExc_KeyError, PyTuple_GET_ITEM(params, k));
            }
            return NULL;
        }
        given[1 + n + k] = value;
    }
    return shaped(PyObject_Vectorcall(fn, given + 1, (size_t)n | PY_VECTORCALL_ARGUMENTS_OFFSET, named ? params : NULL),
                  AT(node, node_shapes), PyTuple_GET_ITEM(want, 0));
}

/* Whether all gradients of a node can be taken here. */
static int are_plain(PyObject *wants, PyObject *edges, PyObject *saved)
{
    if (!wants || !PyTuple_CheckExact(wants) || !edges || !PyTuple_Check(edges) || PyTuple_GET_SIZE(edges) != PyTuple_GET_SIZE(wants) ||
        !PyTuple_Check(saved)) {
        return 0;
    }
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(wants); k++) {
        PyObject *want = PyTuple_GET_ITEM(wants, k);
        if (!PyTuple_Check(want) || PyTuple_GET_SIZE(want) != 5 || !PyTuple_Check(PyTuple_GET_ITEM(want, 3)) ||
            !PyTuple_Check(PyTuple_GET_ITEM(want, 4)) || PyTuple_GET_SIZE(PyTuple_GET_ITEM(want, 3)) > MOST ||
            PyTuple_GET_SIZE(PyTuple_GET_ITEM(want, 4)) > MOST) {
            return 0;
        }
    }
    return 1;
}

/* A node of several gradients. */
static int step_many(Pass *pass, PyObject *node, PyObject *wants, PyObject *edges, PyObject *saved)
{
    PyObject *g = AT(node, node_g);
    AT(node, node_g) = Py_NewRef(Py_None);
    Py_INCREF(wants);
    Py_INCREF(edges);
    Py_INCREF(saved);
    int failed = 0;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(wants) && !failed; k++) {
        PyObject *want = PyTuple_GET_ITEM(wants, k);
        long long t0 = pass->told ? now_ns() : 0, t1 = 0;
        PyObject *got = t0 == -1 && PyErr_Occurred() ? NULL : part_of(pass, node, want, g, saved);
        failed = !got;
        if (!failed && pass->told) {
            t1 = now_ns();
            failed = (t1 == -1 && PyErr_Occurred()) || record(pass, want, node, PyTuple_GET_ITEM(want, 0), got, t0, t1, got == g) < 0;
        }
        if (!failed) {
            failed = into_edge(pass, PyTuple_GET_ITEM(edges, k), got, got == g, NULL) < 0;
        }
        Py_XDECREF(got);
    }
    if (!failed && !pass->keep) {
        set(node, node_saved, Py_None);
    }
    Py_DECREF(saved);
    Py_DECREF(edges);
    Py_DECREF(wants);
    Py_DECREF(g);
    return failed ? -1 : 0;
}

/* ---------------------------------------------------------------- the loop */

/* A gradient of the node could not be computed: the recorder is told, and where there was no memory the error says whose
   gradient it was. Where even that fails, the error stays as it is. */
static void name_failure(PyObject *node)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return;
    }
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace) {
        PyException_SetTraceback(error, trace);
    }
    PyObject *named = PyObject_CallFunctionObjArgs(failed_at, node, error, NULL);
    if (named && named != error && PyExceptionInstance_Check(named)) {
        PyErr_SetObject((PyObject *)Py_TYPE(named), named);
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
    } else {
        PyErr_Clear();
        PyErr_Restore(type, error, trace);
    }
    Py_XDECREF(named);
}

/* walk(pending, F, rec, retain, last): whether it stopped at a node not newer than `last` */
static PyObject *walk(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5 || !PyList_Check(args[0]) || !ready) {
        PyErr_SetString(PyExc_TypeError, "walk takes (pending, F, rec, retain, last)");
        return NULL;
    }
    Pass pass = {.pending = args[0], .F = args[1], .rec = args[2], .retain = args[3]};
    pass.keep = PyObject_IsTrue(args[3]);
    pass.last = PyFloat_AsDouble(args[4]);
    pass.told = args[2] != Py_None;
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (pass.told) {
        PyObject *values = PyObject_GetAttr(args[2], text_values);
        pass.values = values ? PyObject_IsTrue(values) : -1;
        Py_XDECREF(values);
        if (pass.values < 0) {
            return NULL;
        }
    }
    PyObject *node = NULL;
    for (;;) {
        if (!node) {
            if (!PyList_GET_SIZE(pass.pending)) {
                Py_RETURN_FALSE;
            }
            PyObject *entry = PyObject_CallOneArg(heap_pop, pass.pending);
            if (!entry || !PyTuple_Check(entry) || PyTuple_GET_SIZE(entry) != 2 || Py_TYPE(PyTuple_GET_ITEM(entry, 1)) != node_type) {
                Py_XDECREF(entry);
                if (!PyErr_Occurred()) {
                    PyErr_SetString(PyExc_TypeError, "walk: what waits is (-seq, node)");
                }
                return NULL;
            }
            node = Py_NewRef(PyTuple_GET_ITEM(entry, 1));
            Py_DECREF(entry);
        }
        PyObject *plan = AT(node, node_plan), *saved = AT(node, node_saved);
        long long seq = AT(node, node_seq) ? PyLong_AsLongLong(AT(node, node_seq)) : -1;
        long argc = plan && Py_TYPE(plan) == plan_type ? PyLong_AsLong(AT(plan, plan_argc)) : -2;
        if (PyErr_Occurred()) {
            goto failed;
        }
        if ((double)seq <= pass.last) {
            if (wait_for(&pass, node) < 0) {
                goto failed;
            }
            Py_DECREF(node);
            Py_RETURN_TRUE;
        }
        PyObject *next = NULL;
        int done;
        if (argc >= 0 && saved && saved != Py_None && !pass.values) {
            done = step_one(&pass, node, plan, argc, saved, &next);
        } else if (argc == -1 && saved && saved != Py_None && !pass.values && AT(node, node_g) &&
                   are_plain(AT(plan, plan_wants), AT(node, node_edges), saved)) {
            done = step_many(&pass, node, AT(plan, plan_wants), AT(node, node_edges), saved);
        } else {
            PyObject *answer = PyObject_CallFunctionObjArgs(visit, node, pass.pending, pass.F, pass.rec, pass.retain, NULL);
            done = answer ? 0 : -1;
            Py_XDECREF(answer);
        }
        if (done < 0) {
            Py_XDECREF(next);
            goto failed;
        }
        Py_SETREF(node, next);
    }
failed:
    name_failure(node);
    Py_DECREF(node);
    return NULL;
}

/* walk_with(names): find what it needs */
static PyObject *walk_with(PyObject *module, PyObject *names)
{
    if (!PyDict_Check(names) || !node_type) {
        PyErr_SetString(PyExc_TypeError, "walk_with takes a dictionary, after bind");
        return NULL;
    }
    PyObject *plan = NULL;
    const char *const wanted[] = {"heappush", "heappop", "push", "visit", "accumulate", "sum_to", "tell_grad", "tell_leaf", "note_grad", "note_leaf", "failed", "Plan"};
    PyObject **at[] = {&heap_push, &heap_pop, &push_part, &visit, &accumulate, &sum_to, &tell_grad, &tell_leaf, &note_grad, &note_leaf, &failed_at, &plan};
    if (find_objects(names, wanted, at, sizeof at / sizeof at[0]) < 0 || !PyType_Check(plan)) {
        return NULL;
    }
    plan_type = (PyTypeObject *)plan;
    struct {
        PyTypeObject *type;
        const char *name;
        Py_ssize_t *at;
    } slots[] = {{plan_type, "argc", &plan_argc}, {plan_type, "fn", &plan_fn}, {plan_type, "i", &plan_i}, {plan_type, "j", &plan_j},
                 {plan_type, "slot", &plan_slot}, {plan_type, "want", &plan_want}, {plan_type, "wants", &plan_wants}};
    for (size_t k = 0; k < sizeof slots / sizeof slots[0]; k++) {
        if ((*slots[k].at = offset_of(slots[k].type, slots[k].name)) < 0) {
            return NULL;
        }
    }
    if (!text_values && !(text_values = PyUnicode_InternFromString("values"))) {
        return NULL;
    }
    ready = can_run;
    return PyBool_FromLong(ready);
}

PyMethodDef walk_methods[] = {
    {"walk", (PyCFunction)(void (*)(void))walk, METH_FASTCALL,
     "walk(pending, F, rec, retain, last): the fast loop of a backward; whether it stopped at a node not newer than `last`."},
    {"walk_with", walk_with, METH_O, "Find what `walk` needs; whether it can run here. Raises: TypeError."},
    {NULL},
};
