/* What running an op and walking back share: making tensors and nodes, telling the recorder. */

#include "_run.h"

PyObject *recorder;
int can_run;
Py_ssize_t tensor_k, tensor_ext, tensor_of;
Py_ssize_t node_saved, node_edges, node_params, node_shapes, node_seq, node_g, node_others, node_hooks, node_nout;
PyObject *as_array, *register_view, *float32, *float64, *zero, *one;
static PyObject *order, *broken, *text_kind, *text_f;

PyObject *new_tensor(PyObject *array)
{
    PyObject *out = tensor_type->tp_alloc(tensor_type, 0);
    if (out) {
        put(out, tensor_array, array);
        put(out, tensor_wants, Py_False);
        put(out, tensor_node, Py_None);
        put(out, tensor_k, zero);
        put(out, tensor_grad, Py_None);
        put(out, tensor_name, Py_None);
        put(out, tensor_ext, Py_None);
    }
    return out;
}

PyObject *new_node(PyObject *plan, PyObject *params)
{
    PyObject *node = node_type->tp_alloc(node_type, 0);
    if (!node) {
        return NULL;
    }
    put(node, node_plan, plan);
    put(node, node_params, params ? params : Py_None);
    put(node, node_g, Py_None);
    put(node, node_hooks, Py_None);
    put(node, node_nout, one);
    if (!(AT(node, node_seq) = Py_TYPE(order)->tp_iternext(order))) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "there are no more numbers for nodes");
        }
        Py_CLEAR(node);
    }
    return node;
}

int give_to(PyObject *out, PyObject *node)
{
    set(out, tensor_wants, Py_True);
    set(out, tensor_node, node);
    return 0;
}

int is_floating(PyObject *array)
{
    PyObject *dtype = DTYPE(array);
    if (dtype == float32 || dtype == float64) {
        return 1;
    }
    PyObject *kind = PyObject_GetAttr(dtype, text_kind);
    int found = kind ? PyObject_RichCompareBool(kind, text_f, Py_EQ) : -1;
    Py_XDECREF(kind);
    return found;
}

PyObject *edge_of(PyObject *x)
{
    PyObject *node = AT(x, tensor_node);
    if (node != Py_None) {
        PyObject *many = AT(node, node_nout);
        if (many != one && PyLong_AsLong(many) != 1) {
            return PyErr_Occurred() ? NULL : PyTuple_Pack(2, node, AT(x, tensor_k));
        }
        x = node;
    }
    return Py_NewRef(x);
}

/* Held weakly, so that nothing is kept alive for a drawing; a 0-d constant costs nothing. */
PyObject *held_of(PyObject *x, PyObject *array)
{
    return ((Array *)array)->nd ? PyWeakref_NewRef(x, NULL) : Py_NewRef(x);
}

int split_aux(PyObject *row, PyObject **r, PyObject **aux)
{
    PyObject *pair = *r;
    if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_Format(PyExc_TypeError, "the kernel of %R gives its output and what its gradient needs", row);
        return -1;
    }
    *r = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
    *aux = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
    Py_DECREF(pair);
    return 0;
}

int to_array(PyObject *row, PyObject **r)
{
    if (is_array(*r)) {
        return 0;
    }
    Py_SETREF(*r, PyObject_CallOneArg(as_array, *r));
    if (*r && !is_array(*r)) {
        PyErr_Format(PyExc_TypeError, "the kernel of %R gives no array", row);
    }
    return is_array(*r) ? 0 : -1;
}

PyObject *shape_of(PyObject *array)
{
    const Array *a = (const Array *)array;
    PyObject *shape = PyTuple_New(a->nd);
    for (int k = 0; shape && k < a->nd; k++) {
        PyObject *size = PyLong_FromSsize_t(a->dims[k]);
        if (!size) {
            Py_CLEAR(shape);
            break;
        }
        PyTuple_SET_ITEM(shape, k, size);
    }
    return shape;
}

PyObject *link_view(PyObject *out, PyObject *base, PyObject *row, PyObject *params, int in_graph)
{
    PyObject *with = params ? Py_NewRef(params) : PyDict_New(), *of = with ? PyTuple_Pack(3, base, row, with) : NULL;
    Py_XDECREF(with);
    if (!of) {
        return NULL;
    }
    Py_XSETREF(AT(out, tensor_of), of);
    if (!in_graph || AT(base, tensor_node) == Py_None) {
        return out;
    }
    PyObject *answer = PyObject_CallFunctionObjArgs(register_view, base, out, NULL);
    Py_XDECREF(answer);
    return answer ? out : NULL;
}

int noted(PyObject *by, PyObject *rec, PyObject *const *args, size_t n)
{
    if (by == Py_None) {
        return 0;
    }
    PyObject *answer = PyObject_Vectorcall(by, args, n, NULL);
    if (!answer) {
        return recorder_raised(rec) < 0 ? -1 : STOPPED;
    }
    Py_DECREF(answer);
    return answer == Py_True;
}

int recorder_raised(PyObject *rec)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    PyObject *answer = PyObject_CallFunctionObjArgs(broken, rec, error, NULL);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    Py_XDECREF(answer);
    return answer ? 0 : -1;
}

/* ---------------------------------------------------------------- what it needs */

int find_objects(PyObject *names, const char *const *wanted, PyObject ***at, size_t n)
{
    for (size_t k = 0; k < n; k++) { /* all or nothing */
        if (!PyDict_GetItemString(names, wanted[k])) {
            PyErr_Format(PyExc_TypeError, "%s is missing among what the engine needs", wanted[k]);
            return -1;
        }
    }
    for (size_t k = 0; k < n; k++) {
        PyObject *found = PyDict_GetItemString(names, wanted[k]);
        Py_INCREF(found);
        Py_XSETREF(*at[k], found);
    }
    return 0;
}

/* Whether an array of shape (2, 3), and a flat view of it, are laid out as `Array` says. */
static int is_laid_out(PyObject *array, PyObject *view)
{
    const Array *a = (const Array *)array, *b = (const Array *)view;
    return Py_TYPE(array)->tp_basicsize >= (Py_ssize_t)sizeof(Array) && a->nd == 2 && a->dims[0] == 2 && a->dims[1] == 3 &&
           a->strides[0] == 12 && a->strides[1] == 4 && a->dtype == float32 && !a->base && b->nd == 1 && b->dims[0] == 6 &&
           b->base == array;
}

/* runs_with(names): what running ops needs */
static PyObject *runs_with(PyObject *module, PyObject *names)
{
    PyObject *array = NULL, *view = NULL;
    const char *const wanted[] = {"order", "asarray", "broken", "register_view", "float32", "float64", "array", "view"};
    PyObject **at[] = {&order, &as_array, &broken, &register_view, &float32, &float64, &array, &view};
    if (!PyDict_Check(names) || !node_type) {
        PyErr_SetString(PyExc_TypeError, "runs_with takes a dictionary, after bind");
        return NULL;
    }
    PyObject *numbers = PyDict_GetItemString(names, "order");
    if (!numbers || !PyIter_Check(numbers)) {
        PyErr_SetString(PyExc_TypeError, "nodes are numbered by an iterator");
        return NULL;
    }
    int failed = find_objects(names, wanted, at, sizeof at / sizeof at[0]) < 0;
    struct {
        PyTypeObject *type;
        const char *name;
        Py_ssize_t *at;
    } slots[] = {{tensor_type, "_k", &tensor_k}, {tensor_type, "_ext", &tensor_ext}, {tensor_type, "_of", &tensor_of},
                 {node_type, "saved", &node_saved}, {node_type, "edges", &node_edges}, {node_type, "params", &node_params},
                 {node_type, "shapes", &node_shapes}, {node_type, "seq", &node_seq}, {node_type, "g", &node_g},
                 {node_type, "others", &node_others}, {node_type, "hooks", &node_hooks}, {node_type, "nout", &node_nout}};
    for (size_t k = 0; !failed && k < sizeof slots / sizeof slots[0]; k++) {
        failed = (*slots[k].at = offset_of(slots[k].type, slots[k].name)) < 0;
    }
    failed = failed || !(zero = PyLong_FromLong(0)) || !(one = PyLong_FromLong(1)) || !(text_kind = PyUnicode_InternFromString("kind")) ||
             !(text_f = PyUnicode_InternFromString("f")) || straight_with(names) < 0 || general_with(names) < 0;
    if (!failed && is_laid_out(array, view)) {
        Py_INCREF(Py_TYPE(array));
        Py_XSETREF(array_type, Py_TYPE(array));
        can_run = 1;
    }
    Py_XDECREF(array);
    Py_XDECREF(view);
    return failed ? NULL : PyBool_FromLong(can_run);
}

/* set_recorder(rec): the one that is on; None: none */
static PyObject *set_recorder(PyObject *module, PyObject *rec)
{
    PyObject *before = recorder;
    recorder = rec == Py_None ? NULL : Py_NewRef(rec);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

PyMethodDef run_methods[] = {
    {"runs_with", runs_with, METH_O, "Find what running ops needs; whether they can run here. Raises: TypeError."},
    {"set_recorder", set_recorder, METH_O, "Ops that run here tell this recorder (None: none)."},
    {NULL},
};
