"""Checks every model of a folder and runs it in onnxruntime: `run_onnx.py FOLDER`.

Beside NAME.onnx stand NAME.in.npy and NAME.out.npy, an input and what is expected for it; inputs of several are files of their names. Exit code 3:
packages are not there.
"""

import pathlib
import sys

try:
    import numpy
    import onnx
    import onnxruntime
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(3)

bad = 0
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
options.intra_op_num_threads = 1
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        inputs = model.graph.input
        for port in inputs:
            batch = port.type.tensor_type.shape.dim[0]
            assert batch.dim_param == "N", batch
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        files = {port.name: ".in.npy" if len(inputs) == 1 else f".{port.name}.npy" for port in inputs}
        given = {name: numpy.load(path.with_suffix(file)) for name, file in files.items()}
        expected = numpy.load(path.with_suffix(".out.npy"))
        for part in (slice(None), slice(1)):
            (y,) = session.run(["output"], {name: x[part] for name, x in given.items()})
            assert y.shape == expected[part].shape, f"{y.shape} for {expected[part].shape}"
            declared = [axis.dim_value for axis in model.graph.output[0].type.tensor_type.shape.dim][1:]
            assert list(y.shape[1:]) == declared, f"{declared} is declared, {y.shape} came"
            distance = numpy.abs(y - expected[part]) / (1 + numpy.abs(expected[part]))
            assert distance.max() <= 1e-5, f"off by {distance.max()} at {distance.argmax()}"
        print(path.stem, *(node.op_type for node in model.graph.node))
    except Exception as error:
        print(f"{path.stem}: {error}", file=sys.stderr)
        bad += 1
sys.exit(bool(bad))
