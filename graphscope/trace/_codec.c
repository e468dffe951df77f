/* Times of steps as byte planes: what trace/codec.py says in a dozen calls of numpy, in one pass.

   A step that never comes again is packed alone, and then those calls took four times what zlib takes after them.
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define VERSION 1

static int is_times(const Py_buffer *view)
{
    const char *f = view->format;
    return view->itemsize == 8 && f != NULL && (f[0] == 'l' || f[0] == 'q') && f[1] == 0;
}

static void put(uint8_t *at, Py_ssize_t many, uint32_t number)
{
    at[0] = (uint8_t)number;
    at[many] = (uint8_t)(number >> 8);
    at[2 * many] = (uint8_t)(number >> 16);
    at[3 * many] = (uint8_t)(number >> 24);
}

/* planes(begin, dur, nodes): (bytes, shift); None for what is no contiguous int64.

   begin, dur: nanoseconds, of `nodes` nodes for each of some steps; a duration below 0 counts as 0. */
static PyObject *planes(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Py_buffer begin, dur;
    if (given != 3) {
        PyErr_SetString(PyExc_TypeError, "planes takes when nodes began, how long they took, and how many there are");
        return NULL;
    }
    Py_ssize_t nodes = PyLong_AsSsize_t(args[2]);
    if (nodes == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (PyObject_GetBuffer(args[0], &begin, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    if (PyObject_GetBuffer(args[1], &dur, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
        PyErr_Clear();
        PyBuffer_Release(&begin);
        Py_RETURN_NONE;
    }
    PyObject *made = NULL;
    Py_ssize_t many = begin.len / 8;
    int shift = 0;
    if (!is_times(&begin) || !is_times(&dur) || begin.len != dur.len || nodes <= 0 || many % nodes) {
        made = Py_NewRef(Py_None);
        goto done;
    }
    const int64_t *b = begin.buf, *d = dur.buf;
    uint64_t largest = 0;
    for (Py_ssize_t i = 0; i < many; i++) {
        uint64_t far = b[i] < 0 ? -(uint64_t)b[i] : (uint64_t)b[i], took = d[i] < 0 ? 0 : (uint64_t)d[i];
        largest = far > largest ? far : largest;
        largest = took > largest ? took : largest;
    }
    /* Twice the largest, folded, fits into 32 bits then. */
    while (shift < 63 && largest >> shift >= (uint64_t)1 << 30) {
        shift++;
    }
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, 8 * many);
    if (!bytes) {
        goto done;
    }
    uint8_t *out = (uint8_t *)PyBytes_AS_STRING(bytes);
    int64_t ended = 0;
    for (Py_ssize_t i = 0; i < many; i++) {
        int64_t at = b[i] >> shift, took = d[i] < 0 ? 0 : d[i] >> shift, gap = at - (i % nodes ? ended : 0);
        /* Zigzag: an op that began inside the one before has a negative gap. */
        put(out + i, many, (uint32_t)(((uint64_t)gap << 1) ^ (uint64_t)(gap >> 63)));
        put(out + 4 * many + i, many, (uint32_t)took);
        ended = at + took;
    }
    made = Py_BuildValue("Ni", bytes, shift);
done:
    PyBuffer_Release(&begin);
    PyBuffer_Release(&dur);
    return made;
}

static PyMethodDef methods[] = {
    {"planes", (PyCFunction)(void (*)(void))planes, METH_FASTCALL,
     "planes(begin, dur, nodes): (byte planes, shift); None for what is no contiguous int64"},
    {NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "VERSION", VERSION);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_codec", .m_doc = "Times of steps as byte planes.", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__codec(void)
{
    return PyModuleDef_Init(&definition);
}
