# make demo: the three commands on the built-in data.  make test: the test suite.  make check: style, types, layers, wheel.
# make hosts: the apps of exports/hosts.  make bench-peers: what the scripts in benchmarks/ compare with.
PYTHON ?= python3
BIN := .venv/bin

# more for pytest, such as: make test ARGS='-k threshold'
ARGS :=

.PHONY: demo test hosts check wheel reference crash bench-peers clean

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lab,cpu]' --group check --group test
	touch $@

demo: .venv/.installed
	$(BIN)/aetk train
	$(BIN)/aetk export --onnx
	$(BIN)/aetk bench

test: .venv/.installed
	$(BIN)/python -m pytest $(ARGS)

# Installs their tools (Debian), builds them as their READMEs say, and tests them on every runtime; none is skipped.
hosts: .venv/.installed
	tests/hosts/tools.sh
	AETK_HOSTS=required $(BIN)/python -m pytest $(ARGS) tests/hosts

check: .venv/.installed wheel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The wheel, installed where nothing else is, proves the committed reference model.
wheel: .venv/.installed
	rm -rf build
	$(BIN)/python -m build --wheel --installer pip --outdir build . >/dev/null
	$(PYTHON) -m venv build/venv
	build/venv/bin/python -m pip install --quiet --constraint constraints.txt "$$(ls build/aetk-*.whl)[cpu]"
	cd build && venv/bin/aetk verify ../exports/reference/breast-cancer.onnx

# The committed reference model, made again from the built-in data.
reference: .venv/.installed
	rm -rf build/reference
	$(BIN)/aetk train --out build/reference
	$(BIN)/aetk export build/reference --onnx --out exports/reference/breast-cancer.onnx

# kill -9 at 50 random moments of train, export and threshold.
crash: .venv/.installed
	$(BIN)/python -m tests.crash --kills 50

bench-peers: .venv/.bench

.venv/.bench: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
	touch $@

clean:
	rm -rf build .venv
