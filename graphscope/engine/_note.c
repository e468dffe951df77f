/* A step that is not followed, written down in C: graphscope.engine.note says what this is, and does the same in Python.

   All of it runs under Python's lock. What comes up again and again (the op with its params, a shape with its dtype, a
   source line) has a number, which a table finds by the objects' addresses; what is new is asked of the recorder's own
   tables, which are Python's. What is out of the ordinary is not noted here: the recorder is called for it. */

#include "_shared.h"

#include <string.h>

enum { NONE = -1, MANY = -2, SPAN = 24 };
enum { SURVIVED = -1, NO_MEMORY = -2 }; /* as in graphscope.trace.schema */
enum { SAMPLE = 16 };           /* every so many ops it is measured what noting takes */
enum { LIMIT = 1 << 17 };       /* entries of a table, which then begins anew */

/* ---------------------------------------------------------------- a table by addresses */

enum { OP = 1, GRADIENT, SPEC, KEEP, CODE, LINE };

typedef struct {
    uint64_t hash; /* 0: free */
    PyObject *a, *b, *c; /* compared by identity */
    PyObject *key;       /* compared by equality, or NULL */
    long long n;
    int32_t tag, number, flag;
} Entry;

typedef struct {
    Entry *entries;
    size_t room, used; /* room is a power of two */
    size_t changes;
} Table;

static inline uint64_t mix(uint64_t hash, uint64_t with)
{
    hash = (hash ^ with) * 0x9E3779B97F4A7C15ULL;
    return hash ^ hash >> 29;
}

/* A hash of params: of slices too, which Python before 3.12 has none for. -1 with an error set: there is none. */
static Py_hash_t hash_of(PyObject *key)
{
    if (PyTuple_CheckExact(key)) {
        uint64_t hash = 7;
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(key); k++) {
            Py_hash_t one = hash_of(PyTuple_GET_ITEM(key, k));
            if (one == -1) {
                return -1;
            }
            hash = mix(hash, (uint64_t)one);
        }
        return (Py_hash_t)(hash >> 1);
    }
    if (PySlice_Check(key)) {
        PySliceObject *slice = (PySliceObject *)key;
        Py_hash_t start = hash_of(slice->start), stop = start == -1 ? -1 : hash_of(slice->stop);
        Py_hash_t step = stop == -1 ? -1 : hash_of(slice->step);
        return step == -1 ? -1 : (Py_hash_t)(mix(mix(mix(3, (uint64_t)start), (uint64_t)stop), (uint64_t)step) >> 1);
    }
    return PyObject_Hash(key);
}

/* The hash of an entry, never 0. hash: of its key. */
static inline uint64_t whole_hash(int tag, PyObject *a, PyObject *b, PyObject *c, Py_hash_t key, long long n)
{
    uint64_t hash = mix((uint64_t)tag << 56 ^ (uint64_t)(uintptr_t)a, (uint64_t)(uintptr_t)b);
    hash = mix(hash ^ (uint64_t)n, (uint64_t)(uintptr_t)c);
    return mix(hash, (uint64_t)key) | 1;
}

/* The entry, or NULL: not there, or an error is set. */
static Entry *find(Table *table, uint64_t hash, int tag, PyObject *a, PyObject *b, PyObject *c, PyObject *key, long long n)
{
    if (!table->room) {
        return NULL;
    }
    for (size_t at = hash >> 7 & (table->room - 1);; at = (at + 1) & (table->room - 1)) {
        Entry *entry = table->entries + at;
        if (!entry->hash) {
            return NULL;
        }
        if (entry->hash != hash || entry->tag != tag || entry->a != a || entry->b != b || entry->c != c || entry->n != n) {
            continue;
        }
        if (entry->key == key) {
            return entry;
        }
        if (!entry->key || !key) {
            continue;
        }
        PyObject *known = entry->key;
        size_t changes = table->changes;
        Py_INCREF(known); /* a comparison may run code of the user's */
        int same = PyObject_RichCompareBool(known, key, Py_EQ);
        Py_DECREF(known);
        if (same < 0 || changes != table->changes) {
            return NULL;
        }
        if (same) {
            return entry;
        }
    }
}

static void empty(Table *table)
{
    Entry *entries = table->entries;
    size_t room = table->room;
    table->entries = NULL;
    table->room = table->used = 0;
    table->changes++;
    for (size_t k = 0; k < room; k++) {
        if (entries[k].hash) {
            Py_XDECREF(entries[k].a);
            Py_XDECREF(entries[k].b);
            Py_XDECREF(entries[k].c);
            Py_XDECREF(entries[k].key);
        }
    }
    PyMem_Free(entries);
}

static int add(Table *table, uint64_t hash, int tag, PyObject *a, PyObject *b, PyObject *c, PyObject *key, long long n,
               int32_t number, int32_t flag)
{
    if (table->used >= LIMIT) {
        empty(table);
    }
    if (2 * (table->used + 1) > table->room) {
        size_t room = table->room ? 2 * table->room : 256;
        Entry *entries = PyMem_Calloc(room, sizeof(Entry));
        if (!entries) {
            PyErr_NoMemory();
            return -1;
        }
        for (size_t k = 0; k < table->room; k++) {
            if (table->entries[k].hash) {
                size_t at = table->entries[k].hash >> 7 & (room - 1);
                while (entries[at].hash) {
                    at = (at + 1) & (room - 1);
                }
                entries[at] = table->entries[k];
            }
        }
        PyMem_Free(table->entries);
        table->entries = entries;
        table->room = room;
    }
    size_t at = hash >> 7 & (table->room - 1);
    while (table->entries[at].hash) {
        at = (at + 1) & (table->room - 1);
    }
    Py_XINCREF(a);
    Py_XINCREF(b);
    Py_XINCREF(c);
    Py_XINCREF(key);
    table->entries[at] = (Entry){hash, a, b, c, key, n, tag, number, flag};
    table->used++;
    table->changes++;
    return 0;
}

/* ---------------------------------------------------------------- deaths */

typedef struct {
    PyObject_HEAD
    int32_t *order; /* the nodes whose memory died */
    Py_ssize_t n, room;
} Dead;

static void dead_dealloc(Dead *self)
{
    PyMem_Free(self->order);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject DeadType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._note.Dead",
    .tp_basicsize = sizeof(Dead),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = (destructor)dead_dealloc,
};

/* What a weak reference calls when a node's memory dies. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Dead *dead;
    int32_t node;
} Death;

static PyObject *died(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Death *self = (Death *)callable;
    Dead *dead = self->dead;
    if (dead->n == dead->room) {
        Py_ssize_t room = dead->room ? 2 * dead->room : 256;
        int32_t *order = PyMem_Realloc(dead->order, room * sizeof(int32_t));
        if (!order) {
            return PyErr_NoMemory();
        }
        dead->order = order;
        dead->room = room;
    }
    dead->order[dead->n++] = self->node;
    Py_RETURN_NONE;
}

static void death_dealloc(Death *self)
{
    Py_DECREF(self->dead);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject DeathType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "graphscope.engine._note.Death",
    .tp_basicsize = sizeof(Death),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Death, call),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = (destructor)death_dealloc,
};

/* ---------------------------------------------------------------- what is noted */

typedef struct {
    int64_t begin, end;
    int32_t kind, first, second, line, keep, spec, died;
} Noted;

/* It lies behind what a Follower has. */
typedef struct {
    char direct, look, stacks, counted, timed;
    Py_ssize_t diverged, known;
    long long event_ns;
    PyObject *refs, *more;
    PyObject *known_rows, *known_more; /* bytes, a dict */
    PyObject *kinds, *specs, *keeps, *sites;
    Noted *rows;
    Py_ssize_t n, room;
    Dead *dead;
    PyObject *on_death; /* what to call at the death of each node's memory */
    Table table;
} Own;

static PyTypeObject *noter_type, *follower_type, *tensor_type, *node_type, *array_type;
static Py_ssize_t own_at;
static Py_ssize_t tensor_rid, tensor_array, tensor_grad, node_rid, node_plan, node_saved;
static Py_ssize_t at_i, at_thread, at_told, at_scope, at_phase, at_inside, at_after, at_unsettled, at_kind, at_base;
static PyObject *grad_mode, *clock_function;
static PyObject *text_dtype, *text_shape, *text_base, *text_nbytes, *text_writes, *text_view, *text_mask, *text_row;
static PyObject *text_eval, *text_port, *text_number, *text_of, *text_ours, *text_at;

#define OWN(self) ((Own *)((char *)(self) + own_at))
#define SIZE(object, offset) (*(Py_ssize_t *)((char *)(object) + (offset)))
#define FLAG(object, offset) (*(char *)((char *)(object) + (offset)))
#define NUMBER(object, offset) (*(long long *)((char *)(object) + (offset)))
#define BASE(object) (*(long long *)((char *)(object) + at_base))

static int is_true(PyObject *object, PyObject *name)
{
    PyObject *found = PyObject_GetAttr(object, name);
    if (!found) {
        return -1;
    }
    int yes = PyObject_IsTrue(found);
    Py_DECREF(found);
    return yes;
}

/* A number that a method of Python's returns; -1 with an error set. */
static long long asked(PyObject *object, PyObject *name, PyObject *argument)
{
    PyObject *found = PyObject_CallMethodOneArg(object, name, argument);
    if (!found) {
        return -1;
    }
    long long number = PyLong_AsLongLong(found);
    Py_DECREF(found);
    return number;
}

/* ---------------------------------------------------------------- the numbers of things */

/* The source line of the user's that runs; -1: none, or (with an error set) it failed. */
static int32_t line_here(Own *own)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    while (frame) {
        PyObject *code = (PyObject *)PyFrame_GetCode(frame);
        uint64_t hash = whole_hash(CODE, code, NULL, NULL, 0, 0);
        Entry *entry = find(&own->table, hash, CODE, code, NULL, NULL, NULL, 0);
        int32_t ours;
        if (entry) {
            ours = entry->number;
        } else {
            long long found = asked(own->sites, text_ours, code);
            ours = (int32_t)found;
            if ((found == -1 && PyErr_Occurred()) || add(&own->table, hash, CODE, code, NULL, NULL, NULL, 0, ours, 0) < 0) {
                Py_DECREF(code);
                Py_DECREF(frame);
                return -1;
            }
        }
        if (ours) {
            PyFrameObject *back = PyFrame_GetBack(frame);
            Py_DECREF(code);
            Py_DECREF(frame);
            frame = back;
            continue;
        }
#if PY_VERSION_HEX >= 0x030B0000
        long long lasti = PyFrame_GetLasti(frame);
#else
        long long lasti = frame->f_lasti;
#endif
        hash = whole_hash(LINE, code, NULL, NULL, 0, lasti);
        entry = find(&own->table, hash, LINE, code, NULL, NULL, NULL, lasti);
        int32_t number = -1;
        if (entry) {
            number = entry->number;
        } else {
            long long found = asked(own->sites, text_at, (PyObject *)frame);
            number = (int32_t)found;
            if (!(found == -1 && PyErr_Occurred())) {
                add(&own->table, hash, LINE, code, NULL, NULL, NULL, lasti, number, 0);
            }
        }
        Py_DECREF(code);
        Py_DECREF(frame);
        return PyErr_Occurred() ? -1 : number;
    }
    return -1;
}

/* The number of a shape with its dtype; -1 with an error set. */
static int32_t spec_of(Own *own, PyObject *array, PyObject *dtype)
{
    PyObject *shape = PyObject_GetAttr(array, text_shape);
    if (!shape) {
        return -1;
    }
    int32_t number = -1;
    Py_hash_t key = hash_of(shape);
    if (key != -1) {
        uint64_t hash = whole_hash(SPEC, dtype, NULL, NULL, key, 0);
        Entry *entry = find(&own->table, hash, SPEC, dtype, NULL, NULL, shape, 0);
        if (entry) {
            number = entry->number;
        } else if (!PyErr_Occurred()) {
            PyObject *both = PyTuple_Pack(2, shape, dtype);
            PyObject *found = both ? PyObject_GetItem(own->specs, both) : NULL;
            number = found ? (int32_t)PyLong_AsLong(found) : -1;
            if (found && number >= 0 && add(&own->table, hash, SPEC, dtype, NULL, NULL, shape, 0, number, 0) < 0) {
                number = -1;
            }
            Py_XDECREF(both);
            Py_XDECREF(found);
        }
    }
    Py_DECREF(shape);
    return number;
}

/* The number of what a node keeps; -1 with an error set. */
static int32_t keep_of(Own *own, PyObject *node, PyObject *plan)
{
    PyObject *saved = AT(node, node_saved);
    if (!saved || !PyTuple_Check(saved) || PyTuple_GET_SIZE(saved) > 48) {
        return (int32_t)asked(own->keeps, text_of, node);
    }
    long long bits = 1;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(saved); k++) {
        bits = bits << 1 | (PyTuple_GET_ITEM(saved, k) != Py_None);
    }
    uint64_t hash = whole_hash(KEEP, plan, NULL, NULL, 0, bits);
    Entry *entry = find(&own->table, hash, KEEP, plan, NULL, NULL, NULL, bits);
    if (entry) {
        return entry->number;
    }
    long long found = asked(own->keeps, text_of, node);
    if (found < 0 || add(&own->table, hash, KEEP, plan, NULL, NULL, NULL, bits, (int32_t)found, 0) < 0) {
        return -1;
    }
    return (int32_t)found;
}

/* Ask the recorder's table for the number of a head (which is let go). */
static int32_t new_head(Own *own, PyObject *head)
{
    if (!head) {
        return -1;
    }
    long long found = asked(own->kinds, text_number, head);
    Py_DECREF(head);
    return (int32_t)found;
}

/* The number of an op's head; owns: whether it makes memory. -1 with an error set; -2: it has to be called. */
static int32_t op_of(PyObject *self, Own *own, PyObject *row, PyObject *params, PyObject *dtype, PyObject *plan, int *owns)
{
    Py_ssize_t scope = SIZE(self, at_scope), phase = SIZE(self, at_phase);
    long long where = (long long)scope << 2 | phase;
    Py_hash_t key = hash_of(params);
    if (key == -1) {
        PyErr_Clear();
        return -2;
    }
    uint64_t hash = whole_hash(OP, row, plan, dtype, key, where);
    Entry *entry = find(&own->table, hash, OP, row, plan, dtype, params, where);
    if (entry) {
        *owns = entry->flag;
        return entry->number;
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    PyObject *mask = plan ? PyObject_GetAttr(plan, text_mask) : PyLong_FromLong(0);
    int view = is_true(row, text_view), writes = is_true(row, text_writes);
    if (!mask || view < 0 || writes < 0) {
        Py_XDECREF(mask);
        return -1;
    }
    int32_t number = new_head(own, Py_BuildValue("(OOnnON)", row, params, scope, phase, dtype, mask));
    *owns = !view && !writes;
    if (number < 0 || add(&own->table, hash, OP, row, plan, dtype, params, where, number, *owns) < 0) {
        return -1;
    }
    return number;
}

/* The same of a gradient. views: whether its op makes views. */
static int32_t gradient_of(Own *own, PyObject *plan, long long slot, PyObject *dtype, int *views)
{
    uint64_t hash = whole_hash(GRADIENT, plan, NULL, dtype, 0, slot);
    Entry *entry = find(&own->table, hash, GRADIENT, plan, NULL, dtype, NULL, slot);
    if (entry) {
        *views = entry->flag;
        return entry->number;
    }
    PyObject *row = PyObject_GetAttr(plan, text_row);
    *views = row ? is_true(row, text_view) : -1;
    if (*views < 0) {
        Py_XDECREF(row);
        return -1;
    }
    int32_t number = new_head(own, Py_BuildValue("(NLO)", row, slot, dtype));
    if (number < 0 || add(&own->table, hash, GRADIENT, plan, NULL, dtype, NULL, slot, number, *views) < 0) {
        return -1;
    }
    return number;
}

/* ---------------------------------------------------------------- noting a node */

/* Make room for node i. */
static int reserve(Own *own, Py_ssize_t i)
{
    if (i < own->room) {
        return 0;
    }
    Py_ssize_t room = own->room ? 2 * own->room : 256;
    while (room <= i) {
        room *= 2;
    }
    Noted *rows = PyMem_Realloc(own->rows, room * sizeof(Noted));
    if (!rows) {
        PyErr_NoMemory();
        return -1;
    }
    own->rows = rows;
    own->room = room;
    return 0;
}

/* Whether node i is the one that is predicted. -1: an error is set. */
static int is_predicted(Own *own, Py_ssize_t i, int32_t kind, int32_t first, int32_t second, PyObject *wires)
{
    if (i >= own->known) {
        return 0;
    }
    const int32_t *row = (const int32_t *)PyBytes_AS_STRING(own->known_rows) + 4 * i;
    if (row[0] != kind || row[1] != first || row[2] != second) {
        return 0;
    }
    if (second != MANY) {
        return 1;
    }
    PyObject *number = PyLong_FromSsize_t(i);
    PyObject *known = number ? PyDict_GetItemWithError(own->known_more, number) : NULL;
    Py_XDECREF(number);
    if (!known) {
        return PyErr_Occurred() ? -1 : 0;
    }
    return PyObject_RichCompareBool(known, wires, Py_EQ);
}

/* Note the next node. wires: all inputs but the first where second is MANY. owner: whose memory it made, or NULL. */
static int note(PyObject *self, Own *own, int32_t kind, int32_t first, int32_t second, PyObject *wires, int32_t keep,
                int32_t spec, long long t0, long long t1, PyObject *owner, int lined)
{
    Py_ssize_t i = SIZE(self, at_i);
    if (i != own->n || !own->known_rows || !own->dead) {
        PyErr_SetString(PyExc_RuntimeError, "a node is noted behind one that was not");
        return -1;
    }
    if (reserve(own, i) < 0) {
        return -1;
    }
    if (second == MANY) {
        PyObject *number = PyLong_FromSsize_t(i);
        int failed = !number || PyDict_SetItem(own->more, number, wires) < 0;
        Py_XDECREF(number);
        if (failed) {
            return -1;
        }
    }
    int32_t line = -1;
    int look = lined && own->stacks;
    if (own->diverged < 0) {
        int same = is_predicted(own, i, kind, first, second, wires);
        if (same < 0) {
            return -1;
        }
        if (same) {
            line = ((const int32_t *)PyBytes_AS_STRING(own->known_rows))[4 * i + 3];
            look = 0;
            if (own->look && lined) {
                int32_t found = line_here(own);
                if (found == -1 && PyErr_Occurred()) {
                    return -1;
                }
                if (found != line) {
                    own->diverged = i;
                    line = found;
                }
            }
        } else {
            own->diverged = i;
        }
    }
    if (look) {
        line = line_here(own);
        if (line == -1 && PyErr_Occurred()) {
            return -1;
        }
    }
    if (own->counted) {
        while (PyList_GET_SIZE(own->on_death) <= i) {
            Death *death = PyObject_New(Death, &DeathType);
            if (!death) {
                return -1;
            }
            death->call = died;
            Py_INCREF(own->dead);
            death->dead = own->dead;
            death->node = (int32_t)PyList_GET_SIZE(own->on_death);
            int failed = PyList_Append(own->on_death, (PyObject *)death);
            Py_DECREF(death);
            if (failed < 0) {
                return -1;
            }
        }
        PyObject *reference = NULL;
        if (owner) {
            reference = PyWeakref_NewRef(owner, PyList_GET_ITEM(own->on_death, i));
            if (!reference) {
                return -1;
            }
        }
        int failed = PyList_Append(own->refs, reference ? reference : Py_None);
        Py_XDECREF(reference);
        if (failed < 0) {
            return -1;
        }
    }
    own->rows[i] = (Noted){t0, t1, kind, first, second, line, keep, spec, (int32_t)own->dead->n};
    own->n = i + 1;
    SIZE(self, at_i) = i + 1;
    return 0;
}

/* put(kind, first, second, keep, spec, t0, t1, owner, lined=True) */
static PyObject *noter_put(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 8 && count != 9) {
        PyErr_SetString(PyExc_TypeError, "put takes 8 or 9 arguments");
        return NULL;
    }
    long kind = PyLong_AsLong(args[0]), first = PyLong_AsLong(args[1]), keep = PyLong_AsLong(args[3]), spec = PyLong_AsLong(args[4]);
    long long t0 = PyLong_AsLongLong(args[5]), t1 = PyLong_AsLongLong(args[6]);
    int lined = count == 9 ? PyObject_IsTrue(args[8]) : 1;
    long second = NONE;
    PyObject *wires = NULL;
    if (PyTuple_Check(args[2])) {
        second = MANY;
        wires = args[2];
    } else if (args[2] != Py_None) {
        second = PyLong_AsLong(args[2]);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *owner = args[7] == Py_None ? NULL : args[7];
    if (note(self, OWN(self), (int32_t)kind, (int32_t)first, (int32_t)second, wires, (int32_t)keep, (int32_t)spec, t0, t1, owner,
             lined) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* The number of a value in this step: of one from before it, that of the port through which it comes in. */
static long long wire_of(PyObject *self, PyObject *x)
{
    long long number = NUMBER(x, tensor_rid) - BASE(self);
    return (uint64_t)number >> SPAN ? asked(self, text_port, x) : number;
}

/* Whether an op belongs to the running step, and nothing has to be decided. */
static int is_settled(PyObject *self, PyObject *row, PyObject *node)
{
    if (!FLAG(self, at_unsettled)) {
        return 1;
    }
    if (!FLAG(self, at_after)) { /* an evaluation, which goes on with ops that want no gradient */
        return AT(self, at_kind) == text_eval && node == Py_None;
    }
    return is_update(row, text_writes, grad_mode, SIZE(self, at_inside));
}

/* Whether ops may be noted here. */
static inline int is_direct(PyObject *rec)
{
    return noter_type && PyObject_TypeCheck(rec, noter_type) && OWN(rec)->direct && AT(rec, at_told) == Py_None &&
           PyThread_get_thread_ident() == *(unsigned long *)((char *)rec + at_thread);
}

static void number_it(PyObject *self, PyObject *out, PyObject *node, Py_ssize_t i)
{
    NUMBER(out, tensor_rid) = BASE(self) + i;
    if (node != Py_None) {
        NUMBER(node, node_rid) = BASE(self) + i;
    }
}

/* note_op(rec, row, params, a, b, rest, out, t0, t1, node) */
static PyObject *note_op(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 10) {
        PyErr_SetString(PyExc_TypeError, "note_op takes 10 arguments");
        return NULL;
    }
    PyObject *self = args[0];
    if (!is_direct(self)) {
        Py_RETURN_FALSE;
    }
    PyObject *row = args[1], *params = args[2], *a = args[3], *b = args[4], *rest = args[5], *out = args[6], *node = args[9];
    if (!PyObject_TypeCheck(out, tensor_type) || !PyObject_TypeCheck(a, tensor_type) || !PyTuple_CheckExact(params) ||
        (b != Py_None && !PyObject_TypeCheck(b, tensor_type)) || (node != Py_None && Py_TYPE(node) != node_type) ||
        !PyTuple_CheckExact(rest)) {
        Py_RETURN_FALSE;
    }
    PyObject *array = AT(out, tensor_array);
    if (!array || Py_TYPE(array) != array_type) {
        Py_RETURN_FALSE;
    }
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(rest); k++) {
        if (!PyObject_TypeCheck(PyTuple_GET_ITEM(rest, k), tensor_type)) {
            Py_RETURN_FALSE;
        }
    }
    int settled = is_settled(self, row, node);
    if (settled < 1) {
        return settled ? NULL : PyBool_FromLong(0);
    }
    Own *own = OWN(self);
    Py_ssize_t i = SIZE(self, at_i);
    long long began = 0;
    if (own->timed && i % SAMPLE == 0 && (began = asked_ns(clock_function)) == -1) {
        return NULL;
    }
    PyObject *plan = node == Py_None ? NULL : AT(node, node_plan);
    PyObject *dtype = PyObject_GetAttr(array, text_dtype), *wires = NULL, *base = NULL, *owner = NULL;
    int owns = 0;
    int32_t kind = dtype ? op_of(self, own, row, params, dtype, plan, &owns) : -1;
    if (kind < 0) {
        Py_XDECREF(dtype);
        return kind == -2 ? PyBool_FromLong(0) : NULL;
    }
    long long u = wire_of(self, a), v = NONE, t0, t1;
    int32_t spec = -1, keep = 0;
    if (u == -1 && PyErr_Occurred()) {
        goto failed;
    }
    if (b != Py_None && (v = wire_of(self, b)) == -1 && PyErr_Occurred()) {
        goto failed;
    }
    if (PyTuple_GET_SIZE(rest)) {
        Py_ssize_t more = PyTuple_GET_SIZE(rest);
        if (!(wires = PyTuple_New(more + 1))) {
            goto failed;
        }
        for (Py_ssize_t k = 0; k <= more; k++) {
            long long w = k ? wire_of(self, PyTuple_GET_ITEM(rest, k - 1)) : v;
            PyObject *number = w == -1 && PyErr_Occurred() ? NULL : PyLong_FromLongLong(w);
            if (!number) {
                goto failed;
            }
            PyTuple_SET_ITEM(wires, k, number);
        }
        v = MANY;
    }
    t0 = PyLong_AsLongLong(args[7]);
    t1 = PyLong_AsLongLong(args[8]);
    if ((t0 == -1 || t1 == -1) && PyErr_Occurred()) {
        goto failed;
    }
    spec = spec_of(own, array, dtype);
    if (spec < 0 || (node != Py_None && (keep = keep_of(own, node, plan)) < 0)) {
        goto failed;
    }
    if (owns && own->counted) {
        if (!(base = PyObject_GetAttr(array, text_base))) {
            goto failed;
        }
        owner = base == Py_None ? array : base;
    }
    if (note(self, own, kind, (int32_t)u, (int32_t)v, wires, keep, spec, t0, t1, owner, 1) < 0) {
        goto failed;
    }
    number_it(self, out, node, i);
    Py_XDECREF(base);
    Py_XDECREF(wires);
    Py_DECREF(dtype);
    if (began) {
        long long ended = asked_ns(clock_function);
        if (ended == -1) {
            return NULL;
        }
        own->event_ns += SAMPLE * (ended - began);
    }
    Py_RETURN_TRUE;
failed:
    Py_XDECREF(base);
    Py_XDECREF(wires);
    Py_DECREF(dtype);
    return NULL;
}

/* Whose memory a gradient is: a new reference; None: it is counted elsewhere. */
static PyObject *owner_of(PyObject *g, int views)
{
    PyObject *base = PyObject_GetAttr(g, text_base);
    if (!base || base != Py_None) {
        if (base && views) {
            Py_DECREF(base);
            Py_RETURN_NONE;
        }
        PyObject *whole = base ? PyObject_GetAttr(base, text_nbytes) : NULL, *part = whole ? PyObject_GetAttr(g, text_nbytes) : NULL;
        int less = part ? PyObject_RichCompareBool(whole, part, Py_LT) : -1;
        Py_XDECREF(whole);
        Py_XDECREF(part);
        if (less) {
            Py_XDECREF(base);
            if (less < 0) {
                return NULL;
            }
            Py_RETURN_NONE;
        }
        return base;
    }
    Py_DECREF(base);
    Py_INCREF(g);
    return g;
}

/* note_grad(rec, node, slot, g, t0, t1, alias) */
static PyObject *note_grad(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 7) {
        PyErr_SetString(PyExc_TypeError, "note_grad takes 7 arguments");
        return NULL;
    }
    PyObject *self = args[0], *node = args[1], *g = args[3];
    if (!is_direct(self) || Py_TYPE(node) != node_type || Py_TYPE(g) != array_type) {
        Py_RETURN_FALSE;
    }
    Own *own = OWN(self);
    long long began = 0;
    if (own->timed && SIZE(self, at_i) % SAMPLE == 0 && (began = asked_ns(clock_function)) == -1) {
        return NULL;
    }
    PyObject *plan = AT(node, node_plan);
    int views = 0;
    long long twin = NUMBER(node, node_rid) - BASE(self);
    if ((uint64_t)twin >> SPAN) {
        twin = -1;
    }
    long long slot = PyLong_AsLongLong(args[2]), t0 = PyLong_AsLongLong(args[4]), t1 = PyLong_AsLongLong(args[5]);
    int alias = PyObject_IsTrue(args[6]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *dtype = PyObject_GetAttr(g, text_dtype), *owner = NULL;
    int32_t kind = dtype ? gradient_of(own, plan, slot, dtype, &views) : -1;
    int32_t spec = kind < 0 ? -1 : spec_of(own, g, dtype);
    Py_XDECREF(dtype);
    if (spec < 0) {
        return NULL;
    }
    if (own->counted && !alias && !(owner = owner_of(g, views))) {
        return NULL;
    }
    int done = note(self, own, kind, (int32_t)twin, NONE, NULL, 0, spec, t0, t1, owner == Py_None ? NULL : owner, 0);
    Py_XDECREF(owner);
    if (done < 0) {
        return NULL;
    }
    if (began) {
        long long ended = asked_ns(clock_function);
        if (ended == -1) {
            return NULL;
        }
        own->event_ns += SAMPLE * (ended - began);
    }
    Py_RETURN_TRUE;
}

/* note_leaf(rec, tensor): its gradient is what the last node made */
static PyObject *note_leaf(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "note_leaf takes 2 arguments");
        return NULL;
    }
    if (!is_direct(args[0]) || !PyObject_TypeCheck(args[1], tensor_type)) {
        Py_RETURN_FALSE;
    }
    PyObject *g = AT(args[1], tensor_grad);
    if (!g || !PyObject_TypeCheck(g, tensor_type)) {
        Py_RETURN_FALSE;
    }
    number_it(args[0], g, Py_None, SIZE(args[0], at_i) - 1);
    Py_RETURN_TRUE;
}

/* ---------------------------------------------------------------- a step */

/* note_with(kinds, specs, keeps, sites) */
static PyObject *noter_with(PyObject *self, PyObject *args)
{
    Own *own = OWN(self);
    PyObject *kinds, *specs, *keeps, *sites;
    if (!PyArg_ParseTuple(args, "OOOO:note_with", &kinds, &specs, &keeps, &sites)) {
        return NULL;
    }
    Dead *dead = PyObject_New(Dead, &DeadType);
    PyObject *calls = PyList_New(0);
    if (!dead || !calls) {
        Py_XDECREF(calls);
        Py_XDECREF(dead);
        return NULL;
    }
    dead->order = NULL;
    dead->n = dead->room = 0;
    empty(&own->table);
    Py_INCREF(kinds);
    Py_XSETREF(own->kinds, kinds);
    Py_INCREF(specs);
    Py_XSETREF(own->specs, specs);
    Py_INCREF(keeps);
    Py_XSETREF(own->keeps, keeps);
    Py_INCREF(sites);
    Py_XSETREF(own->sites, sites);
    Py_XSETREF(own->on_death, calls);
    Py_XSETREF(own->dead, dead);
    Py_RETURN_NONE;
}

/* note_from(rows, more) */
static PyObject *noter_from(PyObject *self, PyObject *args)
{
    Own *own = OWN(self);
    PyObject *rows, *more;
    if (!PyArg_ParseTuple(args, "SO!:note_from", &rows, &PyDict_Type, &more)) {
        return NULL;
    }
    PyObject *refs = PyList_New(0), *mine = PyDict_New();
    if (!refs || !mine) {
        Py_XDECREF(refs);
        Py_XDECREF(mine);
        return NULL;
    }
    Py_INCREF(rows);
    Py_XSETREF(own->known_rows, rows);
    Py_INCREF(more);
    Py_XSETREF(own->known_more, more);
    own->known = PyBytes_GET_SIZE(rows) / 16;
    own->diverged = -1;
    own->n = 0;
    Py_XSETREF(own->more, mine);
    Py_XSETREF(own->refs, refs);
    if (own->dead) {
        own->dead->n = 0;
    }
    Py_RETURN_NONE;
}

/* note_on(n, rows, more, held, specs, begin, end) */
static PyObject *noter_on(PyObject *self, PyObject *args)
{
    Own *own = OWN(self);
    Py_ssize_t n;
    PyObject *rows, *more, *held, *specs, *begin, *end;
    if (!PyArg_ParseTuple(args, "nSO!SSOO:note_on", &n, &rows, &PyDict_Type, &more, &held, &specs, &begin, &end)) {
        return NULL;
    }
    if (n < 0 || PyBytes_GET_SIZE(rows) < 16 * n || PyBytes_GET_SIZE(held) < 4 * n || PyBytes_GET_SIZE(specs) < 4 * n) {
        PyErr_SetString(PyExc_ValueError, "note_on: fewer nodes than said");
        return NULL;
    }
    if (n && reserve(own, n - 1) < 0) {
        return NULL;
    }
    const int32_t *row = (const int32_t *)PyBytes_AS_STRING(rows), *keep = (const int32_t *)PyBytes_AS_STRING(held);
    const int32_t *spec = (const int32_t *)PyBytes_AS_STRING(specs);
    for (Py_ssize_t k = 0; k < n; k++, row += 4) {
        PyObject *t0 = PySequence_GetItem(begin, k), *t1 = t0 ? PySequence_GetItem(end, k) : NULL;
        long long from = t1 ? PyLong_AsLongLong(t0) : -1, to = t1 ? PyLong_AsLongLong(t1) : -1;
        Py_XDECREF(t0);
        Py_XDECREF(t1);
        if (PyErr_Occurred()) {
            return NULL;
        }
        own->rows[k] = (Noted){from, to, row[0], row[1], row[2], row[3], keep[k], spec[k], 0};
    }
    PyObject *mine = PyDict_New(), *i, *wires;
    Py_ssize_t at = 0;
    while (mine && PyDict_Next(more, &at, &i, &wires)) {
        Py_ssize_t k = PyLong_AsSsize_t(i);
        if ((k == -1 && PyErr_Occurred()) || (k < n && PyDict_SetItem(mine, i, wires) < 0)) {
            Py_CLEAR(mine);
        }
    }
    if (!mine) {
        return NULL;
    }
    Py_XSETREF(own->more, mine);
    own->n = n;
    Py_RETURN_NONE;
}

/* row_of(i) */
static PyObject *noter_row(PyObject *self, PyObject *number)
{
    Own *own = OWN(self);
    Py_ssize_t i = PyLong_AsSsize_t(number);
    if (i == -1 && PyErr_Occurred()) {
        return NULL;
    }
    if (i < 0 || i >= own->n) {
        PyErr_SetString(PyExc_IndexError, "no such node was noted");
        return NULL;
    }
    Noted *row = own->rows + i;
    return Py_BuildValue("(iiii)", row->kind, row->first, row->second, row->line);
}

/* noted() */
static PyObject *noter_noted(PyObject *self, PyObject *nothing)
{
    Own *own = OWN(self);
    Py_ssize_t n = own->n;
    PyObject *parts[4];
    const Py_ssize_t sizes[4] = {16, 4, 4, 16};
    for (int k = 0; k < 4; k++) {
        if (!(parts[k] = PyBytes_FromStringAndSize(NULL, sizes[k] * n))) {
            while (k--) {
                Py_DECREF(parts[k]);
            }
            return NULL;
        }
    }
    int32_t *row = (int32_t *)PyBytes_AS_STRING(parts[0]), *keep = (int32_t *)PyBytes_AS_STRING(parts[1]);
    int32_t *spec = (int32_t *)PyBytes_AS_STRING(parts[2]);
    char *times = PyBytes_AS_STRING(parts[3]);
    for (Py_ssize_t k = 0; k < n; k++) {
        const Noted *one = own->rows + k;
        row[4 * k] = one->kind;
        row[4 * k + 1] = one->first;
        row[4 * k + 2] = one->second;
        row[4 * k + 3] = one->line;
        keep[k] = one->keep;
        spec[k] = one->spec;
        memcpy(times + 8 * k, &one->begin, 8);
        memcpy(times + 8 * (n + k), &one->end, 8);
    }
    return Py_BuildValue("(NNNN)", parts[0], parts[1], parts[2], parts[3]);
}

/* freed() */
static PyObject *noter_freed(PyObject *self, PyObject *nothing)
{
    Own *own = OWN(self);
    Py_ssize_t n = own->n;
    if (!own->counted || !own->dead || !own->refs || PyList_GET_SIZE(own->refs) != n) {
        Py_RETURN_NONE;
    }
    PyObject *column = PyBytes_FromStringAndSize(NULL, 4 * n), *living = PyList_New(0);
    if (!column || !living) {
        Py_XDECREF(column);
        Py_XDECREF(living);
        return NULL;
    }
    int32_t *freed = (int32_t *)PyBytes_AS_STRING(column);
    for (Py_ssize_t k = 0; k < n; k++) {
        freed[k] = PyList_GET_ITEM(own->refs, k) == Py_None ? NO_MEMORY : SURVIVED;
    }
    const Dead *dead = own->dead;
    Py_ssize_t at = 0;
    for (Py_ssize_t k = 0; k <= n; k++) { /* behind the last node, after that */
        Py_ssize_t upto = k < n ? own->rows[k].died : dead->n;
        for (; at < upto && at < dead->n; at++) {
            int32_t node = dead->order[at];
            if (node < n) { /* counted when node k was done: it died after the node before */
                freed[node] = (int32_t)(k - 1) > node ? (int32_t)(k - 1) : node;
            }
        }
    }
    for (Py_ssize_t k = 0; k < n; k++) {
        if (freed[k] == SURVIVED) {
            PyObject *number = PyLong_FromSsize_t(k);
            int failed = !number || PyList_Append(living, number) < 0;
            Py_XDECREF(number);
            if (failed) {
                Py_DECREF(column);
                Py_DECREF(living);
                return NULL;
            }
        }
    }
    return Py_BuildValue("(NN)", column, living);
}

/* shift(by) */
static PyObject *noter_shift(PyObject *self, PyObject *by)
{
    Own *own = OWN(self);
    long long more = PyLong_AsLongLong(by);
    if (more == -1 && PyErr_Occurred()) {
        return NULL;
    }
    for (Py_ssize_t k = 0; k < own->n; k++) {
        own->rows[k].begin += more;
        own->rows[k].end += more;
    }
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- the type */

static int noter_traverse(PyObject *self, visitproc visit, void *arg)
{
    Own *own = OWN(self);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(own->refs);
    Py_VISIT(own->more);
    Py_VISIT(own->known_more);
    Py_VISIT(own->kinds);
    Py_VISIT(own->specs);
    Py_VISIT(own->keeps);
    Py_VISIT(own->sites);
    Py_VISIT(own->on_death);
    for (size_t k = 0; k < own->table.room; k++) {
        Entry *entry = own->table.entries + k;
        if (entry->hash) {
            Py_VISIT(entry->a);
            Py_VISIT(entry->b);
            Py_VISIT(entry->c);
            Py_VISIT(entry->key);
        }
    }
    return follower_type->tp_traverse(self, visit, arg);
}

static int noter_clear(PyObject *self)
{
    Own *own = OWN(self);
    own->direct = 0;
    Py_CLEAR(own->refs);
    Py_CLEAR(own->more);
    Py_CLEAR(own->known_rows);
    Py_CLEAR(own->known_more);
    Py_CLEAR(own->kinds);
    Py_CLEAR(own->specs);
    Py_CLEAR(own->keeps);
    Py_CLEAR(own->sites);
    Py_CLEAR(own->on_death);
    Py_CLEAR(own->dead);
    empty(&own->table);
    own->n = own->known = 0;
    return follower_type->tp_clear(self);
}

static void noter_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    noter_clear(self);
    PyMem_Free(OWN(self)->rows);
    OWN(self)->rows = NULL;
    follower_type->tp_dealloc(self);
    Py_DECREF(type);
}

static PyMethodDef noter_methods[] = {
    {"note_with", noter_with, METH_VARARGS, "Where the numbers of heads, shapes, what is kept and lines come from."},
    {"note_from", noter_from, METH_VARARGS, "Begin with nothing noted; these nodes are predicted."},
    {"note_on", noter_on, METH_VARARGS, "Take these nodes as noted."},
    {"put", (PyCFunction)(void (*)(void))noter_put, METH_FASTCALL, "Note one node."},
    {"row_of", noter_row, METH_O, "Head, first, second and line of a node that was noted."},
    {"noted", noter_noted, METH_NOARGS, "What was noted, as columns."},
    {"freed", noter_freed, METH_NOARGS, "After which node each node's memory died, and those of which it lives."},
    {"shift", noter_shift, METH_O, "Move what was noted so far by so many nanoseconds."},
    {NULL},
};

static PyMemberDef noter_members[] = {
    {"direct", T_BOOL, offsetof(Own, direct), 0, NULL},
    {"look", T_BOOL, offsetof(Own, look), 0, NULL},
    {"stacks", T_BOOL, offsetof(Own, stacks), 0, NULL},
    {"counted", T_BOOL, offsetof(Own, counted), 0, NULL},
    {"timed", T_BOOL, offsetof(Own, timed), 0, NULL},
    {"diverged", T_PYSSIZET, offsetof(Own, diverged), 0, NULL},
    {"known", T_PYSSIZET, offsetof(Own, known), 0, NULL},
    {"event_ns", T_LONGLONG, offsetof(Own, event_ns), 0, NULL},
    {"refs", T_OBJECT_EX, offsetof(Own, refs), READONLY, NULL},
    {"more", T_OBJECT_EX, offsetof(Own, more), READONLY, NULL},
    {NULL},
};

/* ---------------------------------------------------------------- the module */

/* bind(Follower, Tensor, Node, ndarray, grad_mode, clock): the type of what notes. */
static PyObject *bind(PyObject *module, PyObject *args)
{
    PyTypeObject *follower, *tensor, *node, *array;
    PyObject *mode, *clock;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O:bind", &PyType_Type, &follower, &PyType_Type, &tensor, &PyType_Type, &node,
                          &PyType_Type, &array, &PyContextVar_Type, &mode, &clock)) {
        return NULL;
    }
    if (noter_type) {
        Py_INCREF(noter_type);
        return (PyObject *)noter_type;
    }
    struct {
        PyTypeObject *type;
        const char *name;
        int kind;
        Py_ssize_t *at;
    } slots[] = {
        {tensor, "_rid", T_LONGLONG, &tensor_rid}, {tensor, "_a", T_OBJECT_EX, &tensor_array},
        {tensor, "_grad", T_OBJECT_EX, &tensor_grad}, {node, "rid", T_LONGLONG, &node_rid},
        {node, "plan", T_OBJECT_EX, &node_plan}, {node, "saved", T_OBJECT_EX, &node_saved},
        {follower, "i", T_PYSSIZET, &at_i}, {follower, "thread", T_ULONG, &at_thread},
        {follower, "told", T_OBJECT_EX, &at_told}, {follower, "scope", T_PYSSIZET, &at_scope},
        {follower, "phase", T_PYSSIZET, &at_phase}, {follower, "inside", T_PYSSIZET, &at_inside},
        {follower, "after", T_BOOL, &at_after}, {follower, "unsettled", T_BOOL, &at_unsettled},
        {follower, "kind", T_OBJECT_EX, &at_kind}, {follower, "base", T_LONGLONG, &at_base},
    };
    for (size_t k = 0; k < sizeof slots / sizeof slots[0]; k++) {
        Py_ssize_t found = offset_of_kind(slots[k].type, slots[k].name, slots[k].kind);
        if (found < 0) {
            return NULL;
        }
        *slots[k].at = found;
    }
    own_at = (follower->tp_basicsize + 15) / 16 * 16;
    for (PyMemberDef *member = noter_members; member->name; member++) {
        member->offset += own_at;
    }
    PyType_Slot parts[] = {
        {Py_tp_doc, "What a recorder keeps of a step that is not followed, where C can reach it."},
        {Py_tp_traverse, noter_traverse}, {Py_tp_clear, noter_clear}, {Py_tp_dealloc, noter_dealloc},
        {Py_tp_methods, noter_methods}, {Py_tp_members, noter_members}, {0, NULL},
    };
    PyType_Spec spec = {
        .name = "graphscope.engine._note.Noter",
        .basicsize = (int)(own_at + sizeof(Own)),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = parts,
    };
    PyObject *bases = PyTuple_Pack(1, follower);
    PyObject *made = bases ? PyType_FromSpecWithBases(&spec, bases) : NULL;
    Py_XDECREF(bases);
    if (!made) {
        return NULL;
    }
    Py_INCREF(follower);
    follower_type = follower;
    Py_INCREF(tensor);
    tensor_type = tensor;
    Py_INCREF(node);
    node_type = node;
    Py_INCREF(array);
    array_type = array;
    Py_INCREF(mode);
    grad_mode = mode;
    Py_INCREF(clock);
    clock_function = clock;
    noter_type = (PyTypeObject *)made;
    Py_INCREF(made);
    return made;
}

static PyMethodDef methods[] = {
    {"note_op", (PyCFunction)(void (*)(void))note_op, METH_FASTCALL,
     "note_op(rec, op, params, a, b, rest, out, t0, t1, node): note an op where nothing is predicted; whether that was all to do."},
    {"note_grad", (PyCFunction)(void (*)(void))note_grad, METH_FASTCALL,
     "note_grad(rec, node, slot, g, t0, t1, alias): the same for a gradient."},
    {"note_leaf", (PyCFunction)(void (*)(void))note_leaf, METH_FASTCALL,
     "note_leaf(rec, tensor): its gradient is what the last node made; whether that was all to do."},
    {"bind", bind, METH_VARARGS, "bind(Follower, Tensor, Node, ndarray, grad_mode, clock): the type of what notes. Raises: TypeError."},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "graphscope.engine._note",
    .m_doc = "A step that is not followed, written down in C.",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit__note(void)
{
    struct {
        PyObject **at;
        const char *text;
    } texts[] = {
        {&text_dtype, "dtype"}, {&text_shape, "shape"}, {&text_base, "base"}, {&text_nbytes, "nbytes"},
        {&text_writes, "writes"}, {&text_view, "view"}, {&text_mask, "mask"}, {&text_row, "row"}, {&text_eval, "eval"},
        {&text_port, "_port"}, {&text_number, "number"}, {&text_of, "of"}, {&text_ours, "is_ours"}, {&text_at, "at"},
    };
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        if (!(*texts[k].at = PyUnicode_InternFromString(texts[k].text))) {
            return NULL;
        }
    }
    if (PyType_Ready(&DeadType) < 0 || PyType_Ready(&DeathType) < 0) {
        return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", 2) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
