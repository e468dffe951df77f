/* What both compiled modules of the recorder do alike (_follow.c and _note.c, which see nothing else of each other): where
   attributes lie, the clock, and what an op means behind a backward. */

#ifndef GRAPHSCOPE_SHARED_H
#define GRAPHSCOPE_SHARED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

#define AT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Where an attribute lies in its objects; kind: of which it has to be (structmember.h). -1 with an error set. */
static inline Py_ssize_t offset_of_kind(PyTypeObject *type, const char *name, int kind)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    Py_ssize_t offset = -1;
    if (found && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == kind) {
            offset = member->offset;
        }
    }
    Py_XDECREF(found);
    if (offset < 0 && !PyErr_Occurred()) {
        PyErr_Format(PyExc_TypeError, "%s.%s is not where it is looked for", type->tp_name, name);
    }
    return offset;
}

/* What a clock of Python's says, in nanoseconds; -1 with an error set. */
static inline long long asked_ns(PyObject *clock)
{
    PyObject *now = PyObject_CallNoArgs(clock);
    if (!now) {
        return -1;
    }
    long long found = PyLong_AsLongLong(now);
    Py_DECREF(now);
    return found;
}

/* Whether gradients are wanted: 1, 0, or -1 with an error set. mode: the context variable that says so. */
static inline int is_wanted(PyObject *mode)
{
    PyObject *wanted;
    if (PyContextVar_Get(mode, NULL, &wanted) < 0) {
        return -1;
    }
    Py_XDECREF(wanted);
    return wanted == Py_True;
}

/* Whether an op behind a backward belongs to the step still, as an update: it writes, or wants no gradient outside of all
   modules. 1, 0, or -1 with an error set. op: NULL for one that never writes. writes: the word. */
static inline int is_update(PyObject *op, PyObject *writes, PyObject *mode, Py_ssize_t inside)
{
    if (op) {
        PyObject *found = PyObject_GetAttr(op, writes);
        if (!found) {
            return -1;
        }
        Py_DECREF(found);
        if (found == Py_True) {
            return 1;
        }
    }
    if (inside) {
        return 0;
    }
    int wanted = is_wanted(mode);
    return wanted < 0 ? -1 : !wanted;
}

#endif
