/* The statistics of one array in two passes: what record/statistics.py says in some thirty calls of numpy.

   A step with statistics takes those of fifty and more arrays, most of them small: what numpy takes for a call, over
   and over with cold caches, was four fifths of such a step. Sums are of doubles, so they are as exact as numpy's or
   more so. Where the squares add up to no finite number, some element is not finite (or the square overflows): those
   arrays are gone through one element at a time.
*/
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VERSION 1
#define BINS 24    /* HIST_BINS of trace/entries.py */
#define DRAWN 8192 /* elements that go into a histogram, at most */
#define PIECE 1024 /* elements of a strided array that are laid side by side at once */

typedef struct {
    double sum, squares, low, high;
    int64_t negative, zero;
} Sums;

/* So that sums and extremes go four at a time: added in another order, and as if there were no NaN. Whatever there is
   comes out in the sum of squares, which is asked about outside of this part. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("O3", "associative-math", "no-signed-zeros", "no-trapping-math", "finite-math-only")
#endif

/* One piece of contiguous elements: they are counted in 32 bits, so it has fewer than 2**31. */                       \
#define PASS(T, NAME)                                                                                                  \
    static void NAME(const T *x, Py_ssize_t n, Sums *to)                                                               \
    {                                                                                                                  \
        double sum = 0, squares = 0;                                                                                   \
        T low = x[0], high = x[0];                                                                                     \
        int32_t negative = 0, zero = 0;                                                                                \
        for (Py_ssize_t i = 0; i < n; i++) {                                                                           \
            double d = x[i];                                                                                           \
            sum += d;                                                                                                  \
            squares += d * d;                                                                                          \
            low = x[i] < low ? x[i] : low;                                                                             \
            high = x[i] > high ? x[i] : high;                                                                          \
            negative += x[i] < 0;                                                                                      \
            zero += x[i] == 0;                                                                                         \
        }                                                                                                              \
        to->sum += sum;                                                                                                \
        to->squares += squares;                                                                                        \
        to->low = low < to->low ? low : to->low;                                                                       \
        to->high = high > to->high ? high : to->high;                                                                  \
        to->negative += negative;                                                                                      \
        to->zero += zero;                                                                                              \
    }

PASS(float, pass_floats)
PASS(double, pass_doubles)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

typedef struct {
    const char *at;
    Py_ssize_t n, step; /* elements, and bytes from one to the next */
    int wide;           /* doubles, else floats */
} Elements;

static inline double
element(const Elements *of, Py_ssize_t i)
{
    const char *at = of->at + i * of->step;
    if (of->wide) {
        double v;
        memcpy(&v, at, sizeof v);
        return v;
    }
    float v;
    memcpy(&v, at, sizeof v);
    return v;
}

static void
add_up(const Elements *of, Sums *to)
{
    Py_ssize_t size = of->wide ? sizeof(double) : sizeof(float), most = PIECE, i, j;
    int beside = of->step == size && (uintptr_t)of->at % size == 0;
    double room[PIECE];
    char *piece = (char *)room;
    if (beside)
        most = 1 << 24;
    for (i = 0; i < of->n; i += most) {
        Py_ssize_t many = of->n - i < most ? of->n - i : most;
        const char *from = of->at + i * of->step;
        if (!beside) {
            for (j = 0; j < many; j++)
                memcpy(piece + j * size, from + j * of->step, size);
            from = piece;
        }
        if (of->wide)
            pass_doubles((const double *)from, many, to);
        else
            pass_floats((const float *)from, many, to);
    }
}

static inline int
is_finite(double v)
{
    return v - v == 0;
}

static inline int
bin_of(double v, double low, double scale)
{
    double place = (v - low) * scale;
    if (!(place >= 0))
        return 0;
    return place >= BINS ? BINS - 1 : (int)place;
}

typedef struct {
    float stats[8];
    uint32_t health[6];
    uint16_t hist[BINS];
} Made;

static int
view_of(PyObject *array, Py_buffer *view, Elements *of)
{
    if (PyObject_GetBuffer(array, view, PyBUF_STRIDES | PyBUF_FORMAT) < 0) {
        PyErr_Clear(); /* a dtype that has no format */
        return 0;
    }
    const char *format = view->format;
    if (format != NULL && format[0] != 0 && format[1] == 0 && (format[0] == 'f' || format[0] == 'd') &&
        view->len > 0) {
        of->wide = format[0] == 'd';
        of->at = view->buf;
        of->n = view->len / view->itemsize;
        of->step = view->itemsize;
        if (PyBuffer_IsContiguous(view, 'A')) /* any order will do */
            return 1;
        if (view->ndim == 1) {
            of->step = view->strides[0];
            return 1;
        }
    }
    PyBuffer_Release(view);
    return 0;
}

/* numbers(array, size): (bytes of a Made, low, high); None for what numpy must go through.

   array: float32 or float64, contiguous (in C's order or Fortran's) or of one axis, with an element at least.
   size: elements of the tensor that it is a sample of. */
static PyObject *
numbers(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Py_buffer view;
    Elements of;
    Sums sums = {0, 0, INFINITY, -INFINITY, 0, 0};
    Made made;
    double sum, squares, mean, variance, low, high, size;
    Py_ssize_t n, i, drawn, each;
    int j, all_finite;

    if (given != 2) {
        PyErr_SetString(PyExc_TypeError, "numbers takes an array and a size");
        return NULL;
    }
    size = PyFloat_AsDouble(args[1]);
    if (size == -1.0 && PyErr_Occurred())
        return NULL;
    if (!view_of(args[0], &view, &of))
        Py_RETURN_NONE;
    memset(&made, 0, sizeof made);
    n = of.n;
    add_up(&of, &sums);
    sum = sums.sum;
    squares = sums.squares;
    all_finite = is_finite(squares);
    if (all_finite) {
        low = sums.low;
        high = sums.high;
        made.health[1] = (uint32_t)sums.negative;
        made.health[2] = (uint32_t)sums.zero;
    } else {
        sum = squares = 0;
        low = INFINITY;
        high = -INFINITY;
        n = 0;
        for (i = 0; i < of.n; i++) {
            double v = element(&of, i);
            if (v != v)
                made.health[5]++;
            else if (!is_finite(v))
                made.health[v < 0 ? 0 : 4]++;
            else {
                n++;
                sum += v;
                squares += v * v;
                low = v < low ? v : low;
                high = v > high ? v : high;
                made.health[1] += v < 0;
                made.health[2] += v == 0;
            }
        }
    }
    made.health[3] = (uint32_t)(n - made.health[1] - made.health[2]);
    made.stats[0] = (float)size;
    for (j = 1; j < 8; j++)
        made.stats[j] = NAN;
    if (size == 1)
        made.stats[7] = (float)element(&of, 0);
    if (n == 0) {
        low = high = 0;
        goto done;
    }
    mean = sum / n;
    variance = squares / n - mean * mean;
    if (variance < 1e-6 * mean * mean) { /* cancellation: take the second pass */
        variance = 0;
        for (i = 0; i < of.n; i++) {
            double v = element(&of, i) - mean;
            if (all_finite || is_finite(v))
                variance += v * v;
        }
        variance /= n;
    }
    made.stats[1] = (float)mean;
    made.stats[2] = (float)sqrt(variance > 0 ? variance : 0);
    made.stats[3] = (float)low;
    made.stats[4] = (float)high;
    made.stats[5] = (float)sqrt(squares / n);
    made.stats[6] = (float)(-low > high ? -low : high);
    each = n > DRAWN ? (n + DRAWN - 1) / DRAWN : 1;
    drawn = (n + each - 1) / each;
    if (!(high > low))
        made.hist[BINS / 2] = (uint16_t)drawn;
    else {
        double scale = BINS / (high - low);
        if (all_finite)
            for (i = 0; i < n; i += each)
                made.hist[bin_of(element(&of, i), low, scale)]++;
        else {
            Py_ssize_t at = 0;
            for (i = 0; i < of.n; i++) {
                double v = element(&of, i);
                if (is_finite(v) && at++ % each == 0)
                    made.hist[bin_of(v, low, scale)]++;
            }
        }
    }
done:
    PyBuffer_Release(&view);
    return Py_BuildValue("y#dd", (char *)&made, (Py_ssize_t)sizeof made, low, high);
}

static PyMethodDef methods[] = {
    {"numbers", (PyCFunction)(void (*)(void))numbers, METH_FASTCALL,
     "numbers(array, size): statistics of a float array; None for what numpy must go through"},
    {NULL, NULL, 0, NULL},
};

static int
fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "VERSION", VERSION);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_numbers", "The statistics of one array.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__numbers(void)
{
    return PyModuleDef_Init(&definition);
}
