"""The function that calls an op, written line by line for the parameters that the op has.

All calls do the same: take the arrays out of the tensors, promote, run the forward, wrap the result, and record a node
if an input has one. A function for all ops would loop over the arguments, and ask each time what is known beforehand.
So each op gets its own: an addition takes 0.8 of the time, an indexing 0.6. It is compiled in the namespace of
`ops.primitive`, where all the names are explained that are not the op's. Here is that of the hyperbolic tangent::

    >>> import tinygrad_np as tg
    >>> print(written(tg.tanh.op))
    def make(op):
        def call(input):
            if isinstance(input, Tensor):
                input_node = input._node
                input_counter = input._counter
                input = input._array
            else:
                _require_tensor(op, [input])
                input_node = None
                input_counter = _CONSTANT
            if input.dtype.kind != 'f':
                input = input.astype(dtypes.get_default_dtype())
            try:
                out = op.forward(input)
            except Exception as error:
                raise explain(op.name, error, [input]) from None
            if out.__class__ is not ndarray:
                out = asarray(out)
            result = Tensor()
            result._array = out
            result._node = result._grad = None
            result._counter = [0, 0, False]
            if input_node is not None and modes.grad:
                needed = _ONLY_INPUT
                try:
                    plan = op.plans[needed]
                except KeyError:
                    plan = op.plan(needed)
                result._node = node = OpNode()
                plan.record(node, (input_node,), out, (input, out, None), (input_counter, result._counter))
            return result
        return call
"""

from __future__ import annotations

import linecache
from typing import Any

from tinygrad_np.ops.table import NUMPY_NAMES, Op

# What parameters may not be called, for it means something else in the function, or in the calls of the rules.
TAKEN = frozenset({"op", "kwargs", "REQUIRED", "out", "kept", "error", "result", "needed", "plan", "node"})
TAKEN |= {"Tensor", "OpNode", "ndarray", "asarray", "modes", "dtypes", "explain", "isinstance"}
TAKEN |= {"g", "saved"}


def written(op: Op) -> str:
    """The source text of ``make``, which makes an op into a function of tensors."""
    tensors = [op.parameters[i] for i in op.tensors]
    arguments = ", ".join(op.parameters)
    counter = f"_counter_of_view(out, {tensors[0]}, {tensors[0]}_counter)" if op.view else "[0, 0, False]"
    lines = [
        *_bind(op),
        *_unwrap(op, tensors),
        *_promote(op, tensors),
        "try:",
        f"    out{', kept' if op.fused else ''} = op.forward({arguments})",
        "except Exception as error:",
        f"    raise explain(op.name, error, [{arguments}]) from None",
        "if out.__class__ is not ndarray:",
        "    out = asarray(out)",
        "result = Tensor()",
        "result._array = out",
        "result._node = result._grad = None",
        f"result._counter = {counter}",
        *(_record(op, tensors) if op.differentiable else []),
        "return result",
    ]
    return "\n".join(
        ["def make(op):", f"    {lines[0]}", *(f"        {line}" for line in lines[1:]), "    return call"]
    )


def execute(text: str, file: str, names: dict[str, Any]) -> dict[str, Any]:
    """What a source text defines, in which ``names`` are known. Tracebacks show its lines, as those of ``file``."""
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    made: dict[str, Any] = {}
    exec(compile(text, file, "exec"), names, made)
    return made


def _bind(op: Op) -> list[str]:
    renamed = [i for i, name in enumerate(op.parameters) if name in NUMPY_NAMES.values()]
    # From the first on that has another name in NumPy, parameters may seem to be missing, and be there by that name.
    certain = min([op.required, *renamed])
    parameters = [f"{name}=op.defaults[{i}]" if i >= certain else name for i, name in enumerate(op.parameters)]
    if not renamed:
        return [f"def call({', '.join(parameters)}):"]
    names = ", ".join(op.parameters)
    questions = ["kwargs", *(f"{name} is REQUIRED" for name in op.parameters[certain : op.required])]
    return [
        f"def call({', '.join(parameters)}, **kwargs):",
        f"if {' or '.join(questions)}:",
        f"    {names}, = op.bind_by_name([{names}], kwargs)",
    ]


def _unwrap(op: Op, tensors: list[str]) -> list[str]:
    """Take from each tensor its array, its node and its counter."""
    lines = []
    for name in tensors:
        lines += [
            f"if isinstance({name}, Tensor):",
            f"    {name}_node = {name}._node",
            f"    {name}_counter = {name}._counter",
            f"    {name} = {name}._array",
            "else:",
            *([f"    _require_tensor(op, [{', '.join(tensors)}])"] if name == tensors[0] else []),
            f"    {name}_node = None",
            f"    {name}_counter = _CONSTANT",
        ]
    return lines


def _promote(op: Op, tensors: list[str]) -> list[str]:
    """Bring the arrays to one dtype, if the op wants that; for one or two, look first if they are."""
    arrays = ", ".join(tensors)
    floating = op.promote == "floating"
    if op.promote is None or (len(tensors) == 1 and not floating):
        return []
    if len(tensors) == 1:
        return [f"if {arrays}.dtype.kind != 'f':", f"    {arrays} = {arrays}.astype(dtypes.get_default_dtype())"]
    if len(op.parameters) > 2:
        return [f"{arrays} = _promoted(op, [{arrays}])"]
    a, b = tensors
    fit = f"{a}.__class__ is {b}.__class__ is ndarray and {a}.dtype is {b}.dtype"
    if floating:
        fit += f" and {a}.dtype.kind == 'f'"
    return [f"if not ({fit}):", f"    {arrays} = _pair(op, {arrays})"]


def _record(op: Op, tensors: list[str]) -> list[str]:
    """Give the result its node, if an input has one."""
    nodes = [f"{name}_node" for name in tensors]
    needs = [f"{node} is not None" for node in nodes]
    values = [*op.parameters, "out", "kept" if op.fused else "None"]
    counters = [*(f"{name}_counter" for name in tensors), "result._counter"]
    floating = [] if len(tensors) == len(op.parameters) else ["out.dtype.kind == 'f'"]  # a dtype may be an argument
    single = len(tensors) == 1
    lines = [
        "needed = _ONLY_INPUT" if single else f"needed = ({', '.join(needs)})",
        "try:",
        "    plan = op.plans[needed]",
        "except KeyError:",
        "    plan = op.plan(needed)",
        "result._node = node = OpNode()",
        f"plan.record(node, ({', '.join(nodes)},), out, ({', '.join(values)}), ({', '.join(counters)}))",
    ]
    needed = " or ".join(needs)
    condition = " and ".join([needed if single else f"({needed})", "modes.grad", *floating])
    return [f"if {condition}:", *(f"    {line}" for line in lines)]
