"""Emitted PyTorch modules are run: under autograd, torch.compile, autocast and threads; the GPU path by a fake.

The kernels are those of the numba target, compared with exact values in its own tests; here they are compared with
exact values at the hard points once more, through tensors.
"""

from __future__ import annotations

import copy
import ctypes
import importlib
import pickle
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from exact import ulps
from functions import EACH, OTHERS, SOURCES
from kassei.codegen import emit, write
from kassei.codegen.targets.torch import class_name
from kassei.library import catalogue
from test_codegen import breaks, hard_points, parameter_grid, undefined, wanted

QUICK = ("exponential", "gelu", "pelu", "prelu", "rational")
"""Compiled in every run; each costs seconds. The rest is compiled under --slow."""
ULPS = 6.0
together = pytest.mark.xdist_group("torch")  # one worker compiles the kernels


class Folder:
    """Emitted modules, imported as a user imports them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, name: str) -> Any:
        """The torch module of one function; what it needs lies beside it."""
        if not (self.path / f"{name}_torch.py").exists():
            write(emit(catalogue[name], "torch"), self.path)
            importlib.invalidate_caches()
        return importlib.import_module(f"{name}_torch")

    def layer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """A layer of one function."""
        return getattr(self(name), class_name(name))(*args, **kwargs)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A folder on the path; modules imported from it are forgotten afterwards."""
    path = tmp_path_factory.mktemp("torch")
    sys.path.insert(0, str(path))
    yield Folder(path)
    sys.path.remove(str(path))
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(path)):
            del sys.modules[name]


def channels(code: Folder, name: str = "exponential") -> tuple[Any, torch.Tensor]:
    """A function with one value per channel, and an input."""
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=generator)
    return getattr(code(name), name), v


@together
@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.only_slow) for n in sorted({*SOURCES, *QUICK})]
)
def test_values_and_gradients_at_hard_points(code: Folder, name: str) -> None:
    """Value, slope and parameter slopes against 50-digit values, in float32 and float64."""
    f, function = catalogue[name], getattr(code(name), name)
    for kind in (np.float32, np.float64):
        points = hard_points(name, kind)
        for params in parameter_grid(name)[:4]:
            if undefined(name, params):
                continue
            v = torch.from_numpy(points.copy()).requires_grad_()
            y = function(v, *params)
            assert y.dtype == v.dtype
            (dv,) = torch.autograd.grad(y.sum(), v)
            for index, got in ((None, y), (0, dv)):
                for at, z in zip(points.tolist(), got.tolist(), strict=True):
                    if index is not None and at in breaks(name):
                        continue
                    want, condition = wanted(name, float(at), params, index)
                    error = ulps(z, want, kind)
                    assert error <= 1 + ULPS * (1 + condition), f"{name} {params} {index} at {at!r}: {z!r}, {want}"
        assert f.digest == code(name).DIGEST


@pytest.mark.parametrize("name", EACH)
def test_every_function_is_emitted_and_fits_the_line(name: str) -> None:
    """Three files; the module compiles, carries its digest, and has no line that a formatter would break."""
    files = emit(catalogue[name], "torch")
    assert sorted(files) == sorted(f"{name}_{kind}.py" for kind in ("torch", "numba", "cuda"))
    text = files[f"{name}_torch.py"]
    compile(text, name, "exec")
    assert catalogue[name].digest in text.splitlines()[1]
    assert max(map(len, text.splitlines())) <= 88
    for kind in ("numba", "cuda"):
        assert files[f"{name}_{kind}.py"] == emit(catalogue[name], kind)[f"{name}_{kind}.py"]


@together
@pytest.mark.only_slow
@pytest.mark.parametrize("name", OTHERS)
def test_every_function_has_right_gradients(code: Folder, name: str) -> None:
    """Gradcheck of the layer's function in float64, away from breaks."""
    f, function = catalogue[name], getattr(code(name), name)
    v = torch.tensor([-3.1, -1.7, -0.6, 0.35, 1.3, 2.9], dtype=torch.float64, requires_grad=True)
    params = [torch.tensor(float(p.default), dtype=torch.float64, requires_grad=p.learned) for p in f.parameters]
    assert torch.autograd.gradcheck(function, (v, *params))


def test_modules_pass_ruff_as_emitted(tmp_path: Path) -> None:
    """Under ruff's own defaults and under 120 columns: no statement is left to be joined or broken."""
    for name in (*SOURCES, "pelu", "silu", "siren"):
        files = emit(catalogue[name], "torch")
        write({file: text for file, text in files.items() if file.endswith("_torch.py")}, tmp_path)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check"], ["format", "--check"], ["format", "--check", "--line-length", "120"]):
        done = subprocess.run([*ruff, *command, "--isolated", tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@together
def test_gradcheck_per_layer_and_per_channel(code: Folder) -> None:
    """Numerical gradients in the input and the parameters; a channel's parameter moves that channel alone."""
    function, v = channels(code)
    v = v[:, :, :2, 0].contiguous().requires_grad_()
    one = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    each = torch.tensor([0.3, -1.0, 0.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (v, one))
    assert torch.autograd.gradcheck(lambda v, a: function(v, a, axis=1), (v, each))
    pelu = code("pelu").pelu
    two = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.7, 1.4)]
    assert torch.autograd.gradcheck(pelu, (v, *two))
    mixed = torch.tensor([0.7, 1.4, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, a, b: pelu(v, a, b, axis=1), (v, mixed, two[1]))


@together
def test_second_derivatives_are_refused(code: Folder) -> None:
    """Never a silent zero: differentiating a gradient raises."""
    function, v = channels(code)
    v.requires_grad_()
    a = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    dv, da = torch.autograd.grad(function(v, a).sum(), (v, a), create_graph=True)
    for first in (dv.sum(), da.sum()):
        with pytest.raises(RuntimeError, match="second derivatives are not emitted"):
            torch.autograd.grad(first, v, retain_graph=True)
    with pytest.raises(RuntimeError, match="second derivatives are not emitted"):
        torch.autograd.gradgradcheck(function, (v, a))


@together
def test_only_the_gradients_that_are_asked_for(code: Folder) -> None:
    """Input alone, parameter alone, none; each equals what both together give."""
    function, v = channels(code)
    a = torch.tensor([0.3], dtype=torch.float64)
    both_v, both_a = v.clone().requires_grad_(), a.clone().requires_grad_()
    function(both_v, both_a).square().sum().backward()
    alone_v = v.clone().requires_grad_()
    function(alone_v, a).square().sum().backward()
    alone_a = a.clone().requires_grad_()
    function(v, alone_a).square().sum().backward()
    torch.testing.assert_close(alone_v.grad, both_v.grad, rtol=0, atol=0)
    torch.testing.assert_close(alone_a.grad, both_a.grad, rtol=1e-13, atol=0)
    assert not function(v, a).requires_grad
    with torch.no_grad():
        assert not function(both_v, both_a).requires_grad


@together
def test_memory_formats_shapes_and_strides(code: Folder) -> None:
    """Non-contiguous, channels_last, expanded, empty and scalar tensors; the input is never changed."""
    function, v = channels(code)
    a = torch.tensor([0.3, -1.0, 0.5], dtype=torch.float64, requires_grad=True)
    want = function(v, a, axis=1)
    kept = v.clone()
    for other in (
        v.to(memory_format=torch.channels_last),
        v.transpose(2, 3).contiguous().transpose(2, 3),
        torch.stack([v, v], dim=-1)[..., 0],
        v.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0),
    ):
        x = other.detach().requires_grad_()
        y = function(x, a, axis=1)
        torch.testing.assert_close(y, want, rtol=0, atol=0)
        assert y.stride() == torch.empty_like(x).stride()
        grads = torch.autograd.grad(y.square().sum(), (x, a))
        plain = v.clone().requires_grad_()
        expected = torch.autograd.grad(function(plain, a, axis=1).square().sum(), (plain, a))
        torch.testing.assert_close(grads[0], expected[0], rtol=1e-14, atol=0)
        torch.testing.assert_close(grads[1], expected[1], rtol=1e-13, atol=0)
    torch.testing.assert_close(function(v, a, axis=-3), want, rtol=0, atol=0)
    wide = v[:1].expand(4, 3, 4, 5)
    torch.testing.assert_close(function(wide, a, axis=1)[3], want[0], rtol=0, atol=0)
    for shape in ((0,), (2, 0, 3), ()):
        x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        function(x, 0.3).sum().backward()
        assert x.grad is not None
        assert x.grad.shape == shape
    torch.testing.assert_close(v, kept, rtol=0, atol=0)


@together
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_rounded_once(code: Folder, dtype: torch.dtype) -> None:
    """Value and input gradient are those of float32, rounded; the parameter's gradient keeps the parameter's dtype."""
    function, _ = channels(code)
    v = torch.linspace(-30, 30, 4001).to(dtype).requires_grad_()
    a = torch.tensor([0.25], requires_grad=True)
    y = function(v, a)
    assert y.dtype == dtype
    wide = v.detach().float().requires_grad_()
    b = a.detach().clone().requires_grad_()
    y32 = function(wide, b)
    torch.testing.assert_close(y, y32.to(dtype), rtol=0, atol=0)
    dy = torch.full_like(y, 40.0)
    y.backward(dy)
    y32.backward(dy.float())
    torch.testing.assert_close(v.grad, wide.grad.to(dtype), rtol=0, atol=0)
    assert a.grad is not None
    assert a.grad.dtype == torch.float32
    torch.testing.assert_close(a.grad, b.grad)
    assert abs(float(a.grad)) > 65504  # it would be infinite in float16


@together
def test_special_inputs(code: Folder) -> None:
    """NaN stays NaN, infinities give the limits."""
    function, _ = channels(code)
    y = function(torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0]), 0.0)
    np.testing.assert_array_equal(y.numpy(), [np.nan, np.inf, -1.0, 0.0])


@together
def test_wrong_arguments_are_refused(code: Folder) -> None:
    """Dtypes, shapes, axes and parameters outside their domain."""
    function, v = channels(code)
    with pytest.raises(TypeError, match="float16, bfloat16, float32 or float64"):
        function(torch.arange(3))
    with pytest.raises(TypeError, match="ndarray"):
        function(np.zeros(3))
    with pytest.raises(TypeError, match="floating point tensor"):
        function(v, torch.ones(3, dtype=torch.int64), axis=1)
    with pytest.raises(ValueError, match="does not fit 3 channels"):
        function(v, torch.ones(4), axis=1)
    with pytest.raises(ValueError, match="does not fit None channels"):
        function(v, torch.ones(3))
    with pytest.raises(ValueError, match="out of range for 4 dimensions"):
        function(v, torch.ones(3), axis=4)
    with pytest.raises(ValueError, match="outside its domain"):
        code("pelu").pelu(v, -1.0, 1.0)
    with pytest.raises(ValueError, match="num_parameters"):
        code.layer("exponential", 0)


@together
def test_layers_keep_their_parameters(code: Folder) -> None:
    """state_dict, deepcopy, pickle, to(dtype), repr; learned parameters are Parameters of num_parameters values."""
    layer = code.layer("exponential", 3, a=0.5)
    assert [(name, tuple(p.shape)) for name, p in layer.named_parameters()] == [("a", (3,))]
    assert repr(layer) == "Exponential(num_parameters=3)"
    _, v = channels(code)
    v = v.float()
    want = layer(v)
    other = code.layer("exponential", 3)
    assert not torch.equal(other(v), want)
    other.load_state_dict(layer.state_dict())
    for same in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(same(v), want, rtol=0, atol=0)
    doubled = copy.deepcopy(layer).to(torch.float64)
    assert doubled.a.dtype == torch.float64
    assert doubled(v).dtype == torch.float32
    layer(v).sum().backward()
    assert layer.a.grad.shape == (3,)
    assert code.layer("exponential", dtype=torch.float64).a.dtype == torch.float64


@together
def test_a_layer_refuses_a_pole_and_is_projected_back(code: Folder) -> None:
    """Rational for a < 0: the layer raises, project_ puts a at 0, where it is ReLU; PELU has a declared domain."""
    layer = code.layer("rational")
    v = torch.tensor([-2.0, -0.5, 1.0])
    with torch.no_grad():
        layer.a.fill_(-0.5)
    with pytest.raises(ValueError, match="pole"):
        layer(v)
    torch.testing.assert_close(layer.project_()(v), torch.relu(v), rtol=0, atol=0)
    assert torch.isnan(code("rational").rational(v, -0.5)).tolist() == [False, True, False]
    pelu = code.layer("pelu")
    with torch.no_grad():
        pelu.b.fill_(-1.0)
    with pytest.raises(ValueError, match="outside its domain"):
        pelu(v)
    assert pelu.project_().b.item() == pytest.approx(1e-3)


@together
def test_autocast_keeps_the_dtype(code: Folder) -> None:
    """A 16-bit product goes through in 16 bits with a float32 parameter, and trains."""
    net = torch.nn.Sequential(torch.nn.Linear(8, 8), code.layer("exponential", 8), torch.nn.Linear(8, 1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = net[1](net[0](torch.ones(4, 8)))
        assert inside.dtype == torch.bfloat16
        net(torch.ones(4, 8)).float().sum().backward()
    assert net[1].a.grad.dtype == torch.float32
    assert torch.isfinite(net[0].weight.grad).all()


@together
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own, while it traces
def test_torch_compile_keeps_it_whole(code: Folder) -> None:
    """fullgraph=True: forward and backward equal eager ones, per layer and per channel, channels_last included."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), code.layer("exponential", 3), code.layer("gelu"))
    x = torch.randn(2, 2, 6, 6).to(memory_format=torch.channels_last)
    fast = torch.compile(net, fullgraph=True, backend="aot_eager")
    want = net(x)
    want.square().sum().backward()
    expected = {name: p.grad.clone() for name, p in net.named_parameters()}
    net.zero_grad()
    got = fast(x)
    got.square().sum().backward()
    torch.testing.assert_close(got, want)
    for name, p in net.named_parameters():
        torch.testing.assert_close(p.grad, expected[name])


@together
@pytest.mark.only_slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torch_compile_by_inductor(code: Folder) -> None:
    """The same through the default backend, which compiles C++."""
    layer = code.layer("exponential", 3)
    fast = torch.compile(lambda v: layer(v.sin()).cos(), fullgraph=True)
    v = torch.randn(2, 3, 5, requires_grad=True)
    torch.testing.assert_close(fast(v), layer(v.sin()).cos())
    fast(v).sum().backward()
    assert torch.isfinite(layer.a.grad).all()


@together
def test_operators_are_registered_as_torch_asks(code: Folder) -> None:
    """Schema and fake kernels agree with the real ones (torch.library.opcheck)."""
    module, (_, v) = code("exponential"), channels(code)
    host = [torch.tensor([0.3, -1.0, 0.5], dtype=torch.float64)]
    for x in (v, v.to(memory_format=torch.channels_last)):
        tests = ("test_schema", "test_faketensor")
        torch.library.opcheck(module._forward_op, (x, host, 1), test_utils=tests)
        torch.library.opcheck(module._backward_op, (torch.ones_like(x), x, host, 1, [True, True]), test_utils=tests)
        torch.library.opcheck(module._backward_op, (torch.ones_like(x), x, host, 1, [False, True]), test_utils=tests)


@together
def test_functional_gradients(code: Folder) -> None:
    """torch.func.grad goes through setup_context."""
    function, v = channels(code)
    got = torch.func.grad(lambda v: function(v, 0.3).square().sum())(v)
    x = v.clone().requires_grad_()
    function(x, 0.3).square().sum().backward()
    torch.testing.assert_close(got, x.grad, rtol=0, atol=0)


@together
def test_backward_from_other_threads(code: Folder) -> None:
    """Autograd may call from any thread, several at once: every result is the one of the main thread."""
    layer, (_, v) = code.layer("exponential", 3, a=0.5), channels(code)
    x = v.float().requires_grad_()
    want = torch.autograd.grad(layer(x).square().sum(), (x, layer.a))
    found: list[Any] = [None] * 4

    def work(k: int) -> None:
        mine = x.detach().clone().requires_grad_()
        found[k] = torch.autograd.grad(layer(mine).square().sum(), (mine, layer.a))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(found))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for got in found:
        torch.testing.assert_close(got[0], want[0], rtol=0, atol=0)
        torch.testing.assert_close(got[1], want[1], rtol=0, atol=0)


@together
def test_it_is_imported_from_a_package_too(code: Folder) -> None:
    """The files may lie in a package; the kernels are then found beside them."""
    code("exponential")
    package = code.path / "emitted"
    package.mkdir()
    (package / "__init__.py").touch()
    for file in code.path.glob("exponential_*.py"):
        (package / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    importlib.invalidate_caches()
    module = importlib.import_module("emitted.exponential_torch")
    torch.testing.assert_close(module.exponential(torch.tensor([-1.0]), 0.0), torch.tensor([-0.5]))
    assert module._sibling("numba").__name__ == "emitted.exponential_numba"


def fake_cupy(log: list[Any]) -> types.ModuleType:
    """What the module asks of CuPy, on the host: arrays over pointers, and a record of contexts and allocations."""
    cupy, cuda = types.ModuleType("cupy"), types.ModuleType("cupy.cuda")

    class Context:
        def __init__(self, *args: Any) -> None:
            self.args = args

        def __enter__(self) -> None:
            log.append((type(self).__name__, *self.args))

        def __exit__(self, *_: object) -> None:
            log.append(("leave", type(self).__name__))

    for name in ("Device", "ExternalStream", "using_allocator"):
        setattr(cuda, name, type(name, (Context,), {}))

    class PythonFunctionAllocator:
        def __init__(self, take: Any, give: Any) -> None:
            self.malloc = take

    class UnownedMemory:
        def __init__(self, pointer: int, size: int, owner: Any, device: int | None) -> None:
            self.pointer, self.size, self.owner = pointer, size, owner

    class MemoryPointer:
        def __init__(self, memory: UnownedMemory, offset: int) -> None:
            self.memory, self.offset = memory, offset

    def ndarray(shape: Any, dtype: np.dtype[Any], pointer: MemoryPointer) -> np.ndarray:
        log.append(("array", tuple(shape), dtype.name, pointer.memory.size))
        raw = (ctypes.c_char * pointer.memory.size).from_address(pointer.memory.pointer)
        return np.frombuffer(raw, dtype=dtype).reshape(tuple(shape))

    for member in (PythonFunctionAllocator, UnownedMemory, MemoryPointer):
        setattr(cuda, member.__name__, member)
    cupy.cuda, cupy.ndarray = cuda, ndarray
    return cupy


@together
def test_the_gpu_path_by_a_fake(code: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors reach CuPy as pointers, on torch's stream, with torch's allocator, and come back; no copy in between."""
    module, (_, v) = code("exponential"), channels(code)
    log: list[Any] = []
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy(log))
    stream = types.SimpleNamespace(cuda_stream=77)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    kernels = module._sibling("numba")
    monkeypatch.setattr(module, "_sibling", lambda kind: {"cuda": kernels}[kind])

    def on_gpu(v: torch.Tensor, call: Any) -> Any:
        with module._torch_memory(torch.device("cuda", 0)):
            return call(module._sibling("cuda"), module._to_cupy, module._from_cupy)

    hosts = [torch.tensor([0.3, -1.0, 0.5], dtype=torch.float64)]
    expected = kernels.forward(v.numpy(), hosts[0].numpy(), axis=1)
    dv, sums = kernels.backward(np.ones(v.shape), v.numpy(), hosts[0].numpy(), axis=1)
    monkeypatch.setattr(module, "_run", on_gpu)
    got = module._forward(v.to(memory_format=torch.channels_last), hosts, 1)
    np.testing.assert_array_equal(got.numpy(), expected)
    grads = module._backward(torch.ones_like(v), v, hosts, 1, [True, True])
    np.testing.assert_array_equal(grads[0].numpy(), dv)
    np.testing.assert_array_equal(grads[1].numpy(), sums["a"])
    assert log[0] == ("Device", 0)
    assert ("ExternalStream", 77, 0) in log
    assert ("array", (2, 4, 5, 3), "float64", v.numel() * 8) in log
    assert [entry[0] for entry in log].count("using_allocator") == 2
    brain = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    view = module._to_cupy(brain)
    assert view.dtype.name == "bfloat16"
    torch.testing.assert_close(module._from_cupy(view.copy(), torch.bfloat16), brain, rtol=0, atol=0)
