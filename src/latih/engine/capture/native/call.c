/* The Python face of the kernels: a call holds a kernel and its arguments, and takes none itself. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "kernels.h"

/* The kernels, and of what kind their arguments are: (p)ointers, (i)ntegers, (f)loats. */
static const struct {
    const char *name;
    kernel *run;
    const char *kinds;
} KERNELS[] = {
#define KERNEL(name, kinds) {#name, name, kinds}
    KERNEL(head, "pppppppiiffppp"),
    KERNEL(score, "ppppppiiffpp"),
    KERNEL(softmax, "piip"),
    KERNEL(add_bias, "ppiii"),
    KERNEL(column_sums, "piip"),
    KERNEL(activate, "piifffp"),
    KERNEL(activate_backward, "ppiifffp"),
    KERNEL(drop_out, "pppiifpp"),
    KERNEL(multiply, "ppip"),
    KERNEL(normalize, "pppppiiiffppp"),
    KERNEL(normalize_backward, "ppppppiippp"),
    KERNEL(normalize_frozen, "pppppiifffip"),
    KERNEL(normalize_frozen_short, "pppppiifffip"),
    KERNEL(normalize_frozen_backward, "ppppppiifffippp"),
    KERNEL(normalize_frozen_short_backward, "ppppppiifffippp"),
    KERNEL(pool, "piiiiipp"),
    KERNEL(pool_backward, "ppiiiip"),
    KERNEL(shorten, "piip"),
    KERNEL(lengthen, "pip"),
    KERNEL(transpose, "piip"),
    KERNEL(adam, "ppppppiifffff"),
};

/* Above so many elements other Python threads may run meanwhile. */
#define LONG (1 << 16)

typedef struct {
    PyObject_VAR_HEAD
    vectorcallfunc vectorcall;
    kernel *run;
    int is_long;
    slot slots[];
} Call;

static PyObject *run(PyObject *self, PyObject *const *arguments, size_t count, PyObject *names) {
    Call *call = (Call *)self;
    const char *obstacle;
    (void)arguments;
    if (PyVectorcall_NARGS(count) || (names && PyTuple_GET_SIZE(names))) {
        PyErr_SetString(PyExc_TypeError, "a call of a kernel takes no arguments");
        return NULL;
    }
    if (call->is_long) {
        Py_BEGIN_ALLOW_THREADS
        obstacle = call->run(call->slots);
        Py_END_ALLOW_THREADS
    } else {
        obstacle = call->run(call->slots);
    }
    if (obstacle) {
        PyErr_SetString(PyExc_RuntimeError, obstacle);
        return NULL;
    }
    Py_RETURN_NONE;
}

static void forget(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
}

static PyTypeObject CallType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "latih.engine.capture.native._kernels.Call",
    .tp_doc = "A kernel with its arguments.",
    .tp_basicsize = sizeof(Call),
    .tp_itemsize = sizeof(slot),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Call, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = forget,
};

static int fill(slot *slot, char kind, PyObject *value) {
    if (kind == 'f') {
        slot->number = PyFloat_AsDouble(value);
    } else if (kind == 'p') {
        slot->address = value == Py_None ? NULL : PyLong_AsVoidPtr(value);
    } else {
        slot->whole = PyLong_AsLongLong(value);
    }
    return PyErr_Occurred() != NULL;
}

static PyObject *bind(PyObject *module, PyObject *arguments) {
    const char *name;
    long long elements;
    PyObject *values;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "sLO!", &name, &elements, &PyTuple_Type, &values)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(KERNELS) / sizeof(*KERNELS); i++) {
        if (strcmp(KERNELS[i].name, name)) continue;
        const char *kinds = KERNELS[i].kinds;
        Py_ssize_t count = (Py_ssize_t)strlen(kinds);
        if (PyTuple_GET_SIZE(values) != count) {
            return PyErr_Format(
                PyExc_TypeError, "%s takes %zd arguments, not %zd", name, count,
                PyTuple_GET_SIZE(values));
        }
        Call *call = PyObject_NewVar(Call, &CallType, count);
        if (!call) return NULL;
        call->vectorcall = run;
        call->run = KERNELS[i].run;
        call->is_long = elements > LONG;
        for (Py_ssize_t j = 0; j < count; j++) {
            if (fill(&call->slots[j], kinds[j], PyTuple_GET_ITEM(values, j))) {
                Py_DECREF(call);
                return NULL;
            }
        }
        return (PyObject *)call;
    }
    return PyErr_Format(PyExc_ValueError, "there is no kernel %s", name);
}

extern void share_threads(void *parallel, void *most, void *number, void *size);

static PyObject *threads(PyObject *module, PyObject *arguments) {
    PyObject *given[4];
    void *functions[4];
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OOOO", &given[0], &given[1], &given[2], &given[3])) {
        return NULL;
    }
    for (int i = 0; i < 4; i++) {
        functions[i] = PyLong_AsVoidPtr(given[i]);
        if (PyErr_Occurred()) return NULL;
    }
    share_threads(functions[0], functions[1], functions[2], functions[3]);
    Py_RETURN_NONE;
}

static PyMethodDef FUNCTIONS[] = {
    {"bind", bind, METH_VARARGS, "Return a call of a kernel, given its name, size and arguments."},
    {"share_threads", threads, METH_VARARGS, "Use the threads that PyTorch uses."},
    {0},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = -1, .m_methods = FUNCTIONS};

PyMODINIT_FUNC PyInit__kernels(void) {
    if (PyType_Ready(&CallType)) return NULL;
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddStringConstant(module, "sources", SOURCES)) {
        Py_CLEAR(module);
    }
    return module;
}
