/* What running an op and walking back share: making tensors and nodes, telling the recorder. */

#ifndef GRAPHSCOPE_RUN_H
#define GRAPHSCOPE_RUN_H

#include "_follow.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

extern PyObject *recorder; /* the one that is on, or NULL */
extern int can_run;        /* what running needs was found */
extern Py_ssize_t tensor_k, tensor_ext, tensor_of;
extern Py_ssize_t node_saved, node_edges, node_params, node_shapes, node_seq, node_g, node_others, node_hooks, node_nout;
extern PyObject *as_array, *register_view, *float32, *float64, *zero, *one;
extern PyTypeObject StraightType, GeneralType;
extern PyMethodDef run_methods[], walk_methods[];

int straight_with(PyObject *names); /* find what each needs in a dictionary; -1: an error */
int general_with(PyObject *names);

static inline void put(PyObject *object, Py_ssize_t offset, PyObject *value) /* into an object that is new */
{
    Py_INCREF(value);
    AT(object, offset) = value;
}

static inline void set(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    PyObject *before = AT(object, offset);
    Py_INCREF(value);
    AT(object, offset) = value;
    Py_XDECREF(before);
}

/* Whether an input's place in the graph is plain: a leaf, or what a node made; and it says plainly whether it wants a gradient. */
static inline int is_plain(PyObject *x)
{
    PyObject *node = AT(x, tensor_node);
    return (AT(x, tensor_wants) == Py_True || AT(x, tensor_wants) == Py_False) && node && (node == Py_None || (Py_TYPE(node) == node_type && AT(node, node_nout)));
}

PyObject *new_tensor(PyObject *array);
PyObject *new_node(PyObject *plan, PyObject *params); /* its edges, saved, others and shapes are still to be put */
int give_to(PyObject *out, PyObject *node);           /* the tensor is what the node made */
int is_floating(PyObject *array);                     /* -1: an error */
PyObject *edge_of(PyObject *x);                       /* a new reference: its node, (node, which output), or the leaf itself */
PyObject *held_of(PyObject *x, PyObject *array);      /* an input that wants no gradient, for `Node.others` */
PyObject *shape_of(PyObject *array);
int split_aux(PyObject *row, PyObject **r, PyObject **aux); /* what a kernel gave is (output, aux); -1: it is not */
int to_array(PyObject *row, PyObject **r);            /* a number that a kernel gave becomes an array; -1: an error */
PyObject *link_view(PyObject *out, PyObject *base, PyObject *row, PyObject *params, int in_graph); /* NULL: an error */
/* Ask a function of _note.c to note an event that was not predicted (None: there is no such). 1: it did; 0: the recorder has
   to be called; STOPPED: it raised, and is off now; -1: an error that is not the recorder's. */
enum { STOPPED = 2 };
int noted(PyObject *by, PyObject *rec, PyObject *const *args, size_t n);
int recorder_raised(PyObject *rec);                   /* 0: a bug of its own, and it is off now; -1: not for us */
int find_objects(PyObject *names, const char *const *wanted, PyObject ***at, size_t n);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
