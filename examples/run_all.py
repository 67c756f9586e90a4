"""Run the examples at full size, and print one table of their figures: ``make examples``.

The exit status is 1 if an example fails or does not reach the classic's figure.
"""

import shlex
import subprocess
import sys

import common

EXAMPLES = [
    "logic_gates",
    "activation_functions",
    "numerical_gradient",
    "three_layer_forward",
    "mnist_inference",
    "softmax_regression",
    "two_layer_net",
    "keras_style_mlp",
    "make_your_own_network",
    "mnist_cnn",
    "mnist_mlp",
]


def run(example: str) -> dict[str, str]:
    """Run an example, showing what it shows; returns the words of its summary."""
    print(f"---- {example}", flush=True)
    command = [sys.executable, common.HERE / f"{example}.py", f"--seed={options.seed}", f"--data={options.data}"]
    command += [f"--output={options.output / example}", *(["--quick"] if options.quick else [])]
    result = {"classic": "", "ours": "failed", "reached": "no", "seconds": ""}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("RESULT "):
                result |= dict(word.split("=", 1) for word in shlex.split(line)[1:])
    return result if process.returncode == 0 else result | {"reached": "no", "ours": "failed"}


parser = common.argument_parser("run_all", __doc__)
parser.set_defaults(output=common.Path("runs"))
parser.add_argument("examples", nargs="*", metavar="example", help="which to run (default: all)")
options = common.parse(parser)
for name in options.examples:
    if name not in EXAMPLES:
        parser.error(f"there is no example {name}; there are {', '.join(EXAMPLES)}")

try:
    results = {name: run(name) for name in options.examples or EXAMPLES}
except KeyboardInterrupt:  # the example has said what it saved
    sys.exit(130)
print("\n| example | the classic's figure | ours | reached | seconds |\n| --- | --- | --- | --- | ---: |")
for name, result in results.items():
    print(f"| `{name}` | {result['classic']} | {result['ours']} | {result['reached']} | {result['seconds']} |")
sys.exit(any(result["reached"] == "no" for result in results.values()))
