/* What the parts of the compiled module share: the recorder's own fields, where attributes lie, arrays, the clock. */

#ifndef GRAPHSCOPE_FOLLOW_H
#define GRAPHSCOPE_FOLLOW_H

#include "_shared.h"

#include <time.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden) /* the parts see each other, and nobody else does */
#endif

typedef struct {
    PyObject_HEAD
    Py_ssize_t i;          /* the next node of the step */
    Py_ssize_t where;      /* scope << 2 | phase */
    unsigned long thread;  /* whose ops are recorded */
    PyObject *plan;        /* entries (plan, u, v, where) */
    Py_ssize_t nodes;      /* how many there are; behind them are places of what comes in */
    PyObject *told;        /* shapes of the step before: (number, of nodes, of ports) */
    PyObject *packed;      /* `plan`, with what is known of the nodes as calls, as C reads it */
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
    /* What the end of a step needs. */
    long long t0;          /* when it began */
    long long base;        /* where its numbers begin */
    long long seq;         /* its number in the run */
    PyObject *num;         /* {kind: its number among those of its kind} */
    PyObject *loss;        /* a float, or None */
    Py_ssize_t nonfinite;
    long long wall_ns, rec_ns, close_ns; /* of all steps: their time, what recording took; what the last end took */
    double track_ns;       /* an event on track */
    PyObject *block;       /* where steps on track are written down (record.steady), or None */
    Py_buffer rows;
    PyObject *armed;       /* entries of a step that may end here, as `plan`; None: it may not */
    PyObject *there;       /* weak references to what came in through its ports */
    PyObject *ports;       /* what may come in: (name, kind, scope, dtype) each */
    PyObject *port_items;  /* what did in this step, or the one before: (weak reference, wants a gradient, port) */
    PyObject *first;       /* the node that uses a port first, for each */
    Py_ssize_t left;       /* how many steps may end here in a row */
    Py_ssize_t run;        /* how many have, since it was armed */
    long long until;       /* a moment from which on none may */
    char due;              /* steps that wait are to be packed */
    PyObject *trap;        /* looks for what is not finite (record.nonfinite), or None */
    PyObject *trap_leaf;   /* a weak reference to the leaf whose gradient it looks at, or None */
    PyObject *trap_root;   /* the loss */
    char trap_armed;
} Follower;

/* As graphscope.trace.schema, record.tables and record.steady have them. */
enum { FORWARD = 1, BACKWARD = 2, UPDATE = 3 };
enum { INPUT = 0 }; /* a kind of port */
enum { SPAN = 24, HEAD = 7 };
static const long long PORTS = 1LL << 23;
static const double APART = 20000; /* record.on_track */

extern PyTypeObject FollowerType;

/* Where the attributes that are read and written for every op lie in their objects. */
extern PyTypeObject *newest_follower, *newest_tensor, *tensor_type, *node_type, *array_type;
extern Py_ssize_t tensor_array, tensor_grad, tensor_wants, tensor_node, tensor_name, node_plan;
extern PyObject *text_dtype, *text_shape;
extern PyObject *clock_function;  /* time.perf_counter_ns */
extern char clock_is_monotonic;   /* it reads CLOCK_MONOTONIC, and so may we */

/* ---------------------------------------------------------------- what is numbered */

typedef struct {
    PyObject_HEAD
    long long rid; /* 0: none */
} Numbered;

#define RID(tensor) (((Numbered *)(tensor))->rid)
#define NODE_RID(node) (((Numbered *)(node))->rid)

/* Whether an object is of a type, or of one that derives from it. Nearly always it is of the one that was asked for before,
   and to look through all that a type derives from touches memory that nothing else does. */
static inline int is_of(PyObject *x, PyTypeObject *type, PyTypeObject **newest)
{
    PyTypeObject *kind = Py_TYPE(x);
    if (kind == type || kind == *newest) {
        return 1;
    }
    if (!PyType_IsSubtype(kind, type)) {
        return 0;
    }
    Py_INCREF(kind); /* so that no other type comes to lie where it was */
    Py_XSETREF(*newest, kind);
    return 1;
}

static inline int is_follower(PyObject *x)
{
    return is_of(x, &FollowerType, &newest_follower);
}

static inline int is_tensor(PyObject *x)
{
    return tensor_type && is_of(x, tensor_type, &newest_tensor);
}

/* ---------------------------------------------------------------- arrays */

/* How an array of numpy's begins. Source: "Python types and C-structures" in numpy's reference of its C API, where
   PyArrayObject stands; `bind` looks whether it is so, and leaves `array_type` empty where it is not. */
typedef struct {
    PyObject_HEAD
    char *data;
    int nd;
    Py_ssize_t *dims, *strides;
    PyObject *base;
    PyObject *dtype;
} Array;

static inline int is_array(PyObject *x)
{
    return x && Py_TYPE(x) == array_type;
}

#define DTYPE(array) (((Array *)(array))->dtype)

/* Whether an array is of this shape, a tuple of integers. */
static inline int is_shaped(PyObject *array, PyObject *shape)
{
    const Array *a = (const Array *)array;
    if (!PyTuple_CheckExact(shape) || PyTuple_GET_SIZE(shape) != a->nd) {
        return 0;
    }
    for (int k = 0; k < a->nd; k++) {
        PyObject *size = PyTuple_GET_ITEM(shape, k);
        if (!PyLong_CheckExact(size) || PyLong_AsSsize_t(size) != a->dims[k]) {
            return 0;
        }
    }
    return 1;
}

/* ---------------------------------------------------------------- the clock */

/* The clock of all times, in nanoseconds: -1 with an error set where it fails. */
static inline long long now_ns(void)
{
#if defined(__linux__)
    if (clock_is_monotonic) {
        struct timespec t;
        if (clock_gettime(CLOCK_MONOTONIC, &t) == 0) {
            return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
        }
    }
#endif
    return asked_ns(clock_function);
}

/* ---------------------------------------------------------------- following (_follow.c) */

/* Each says whether it was the op, or the gradient, that comes next: 1, and it is noted; 0; -1: with an error set. Times
   are in nanoseconds, `node` may be None, and `b`. `at`: which of the `values` are the `n` that are compared. */
int follow_op(Follower *self, PyObject *plan, PyObject *a, PyObject *b, PyObject *out, PyObject *node, long long t0, long long t1);
int follow_params(Follower *self, PyObject *plan, PyObject *const *values, const int *at, int n, PyObject *a, PyObject *b, PyObject *out,
                  PyObject *node, long long t0, long long t1);
int follow_gradient(Follower *self, PyObject *want, PyObject *node, long long t0, long long t1);
int follow_a_leaf(Follower *self, PyObject *tensor);
int wants_grad(void); /* -1: an error */
int follow_row(Follower *self, PyObject *op, PyObject *const *values, int n, PyObject *const *inputs, Py_ssize_t many, PyObject *out,
               PyObject *node, long long t0, long long t1); /* any op: `out` may be a tuple */
Py_ssize_t offset_of(PyTypeObject *type, const char *name); /* of a slot; -1 with an error set */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
