/* Integers as byte planes: what trace/codec.py (times of steps) and trace/folding.py (columns of graphs) say in dozens of
   calls of numpy, in one pass.

   A step that never comes again is packed alone, and then those calls took four times what zlib takes after them.
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define VERSION 2

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

/* ---------------------------------------------------------------- columns of graphs */

enum { PLAIN, GAP, AFTER, BELOW = 16, AS_IT_IS = 0x80 }; /* as in trace/folding.py */

static inline int64_t number_at(const uint8_t *table, Py_ssize_t at, int size)
{
    if (size == 4) {
        int32_t number;
        memcpy(&number, table + 4 * at, 4);
        return number;
    }
    int64_t number;
    memcpy(&number, table + 8 * at, 8);
    return number;
}

/* The number that is stored for one, folded. Wraps around as numpy does. */
static inline uint64_t folded(const uint8_t *table, Py_ssize_t row, Py_ssize_t column, Py_ssize_t columns, int size, int way)
{
    Py_ssize_t at = row * columns + column;
    uint64_t number = (uint64_t)number_at(table, at, size);
    if (way == GAP) {
        number -= row ? (uint64_t)number_at(table, at - columns, size) : 0;
    } else if (way == AFTER) {
        number -= (int64_t)number < 0 ? 0 : (uint64_t)row;
    } else if (way >= BELOW) {
        number = (uint64_t)number_at(table, row * columns + way - BELOW, size) - number;
    }
    if (size == 4) {
        int32_t narrow = (int32_t)(uint32_t)number;
        return (uint32_t)((uint32_t)narrow << 1) ^ (uint32_t)(narrow >> 31);
    }
    return number << 1 ^ (uint64_t)((int64_t)number >> 63);
}

/* fold(table, size, ways): bytes; None for what has no contiguous buffer. */
static PyObject *fold(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Py_buffer view;
    if (given != 3 || !PyBytes_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "fold takes a table, the size of its integers, and how each column is stored");
        return NULL;
    }
    long size = PyLong_AsLong(args[1]);
    const uint8_t *ways = (const uint8_t *)PyBytes_AS_STRING(args[2]);
    Py_ssize_t columns = PyBytes_GET_SIZE(args[2]);
    if (size == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    PyObject *made = NULL;
    const uint8_t *table = view.buf;
    if ((size != 4 && size != 8) || !columns || view.len % (columns * size)) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are no rows of %zd integers of %ld bytes", view.len, columns, size);
        goto done;
    }
    Py_ssize_t rows = view.len / (columns * size);
    if (!(made = PyBytes_FromStringAndSize(NULL, columns + view.len))) { /* no column takes more than its numbers */
        goto done;
    }
    uint8_t *begin = (uint8_t *)PyBytes_AS_STRING(made), *out = begin + columns;
    for (Py_ssize_t c = 0; c < columns; c++) {
        int way = ways[c], flag = 0;
        if (way >= BELOW + columns) {
            PyErr_SetString(PyExc_ValueError, "there is no such column");
            Py_CLEAR(made);
            goto done;
        }
        if (way == AFTER) {
            for (Py_ssize_t r = 0; r < rows; r++) {
                int64_t number = number_at(table, r * columns + c, (int)size);
                if (number >= 0 && number < r) {
                    way = PLAIN;
                    flag = AS_IT_IS;
                    break;
                }
            }
        }
        uint64_t all = 0;
        for (Py_ssize_t r = 0; r < rows; r++) {
            uint64_t number = folded(table, r, c, columns, (int)size, way);
            all |= number;
            out[r] = (uint8_t)number; /* most columns have no other plane */
        }
        int width = 1;
        while (width < 8 && all >> 8 * width) {
            width++;
        }
        for (int plane = 1; plane < width; plane++) {
            for (Py_ssize_t r = 0; r < rows; r++) {
                out[plane * rows + r] = (uint8_t)(folded(table, r, c, columns, (int)size, way) >> 8 * plane);
            }
        }
        begin[c] = (uint8_t)(width | flag);
        out += width * rows;
    }
    if (_PyBytes_Resize(&made, out - begin) < 0) {
        made = NULL;
    }
done:
    PyBuffer_Release(&view);
    return made;
}

static PyMethodDef methods[] = {
    {"planes", (PyCFunction)(void (*)(void))planes, METH_FASTCALL,
     "planes(begin, dur, nodes): (byte planes, shift); None for what is no contiguous int64"},
    {"fold", (PyCFunction)(void (*)(void))fold, METH_FASTCALL,
     "fold(table, size, ways): the columns of a table as byte planes; None for what has no contiguous buffer"},
    {NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "VERSION", VERSION);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_codec", .m_doc = "Integers as byte planes.", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__codec(void)
{
    return PyModuleDef_Init(&definition);
}
