# make demo: the three commands on the built-in data.  make check: style, types, layers, documents, wheel.
# make test: the tests that need no other tools, in some minutes.  make test-all: these and everything that takes longer.
# make hosts: the apps of exports/hosts.  make test-scale: the engines.  make test-providers: other execution providers.
# make bench-peers: what the scripts in benchmarks/ compare with.  make mutants: faults in contract/ that no test notices.
PYTHON ?= python3
BIN := .venv/bin

# more for pytest, such as: make test ARGS='-k threshold'
ARGS :=
TEST := $(BIN)/python -m pytest
# make test COVERAGE=1 && make coverage: the lines and branches of the package that run in the suite's own processes
COVERAGE ?=
# a process for each processor, with one thread: threads of several processes would wait for each other
PARALLEL = OMP_NUM_THREADS=1 $(TEST) --numprocesses auto --dist loadfile \
	$(if $(COVERAGE),--cov --cov-append --cov-report=) $(ELSEWHERE)
ELSEWHERE := $(addprefix --ignore=tests/,documents hosts scale providers)

.PHONY: demo test test-slow test-rest test-all documents coverage test-scale test-providers hosts check wheel reference \
	torture fuzz mutants audit sbom bench-peers clean _first-lane _second-lane

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lab,cpu,excel]' --group check --group test
	touch $@

demo: .venv/.installed
	$(BIN)/aetk train
	$(BIN)/aetk export --onnx
	$(BIN)/aetk bench

test: .venv/.installed
	$(PARALLEL) -m 'not slow' $(ARGS)

# Trainings to the end, torchrun, kills, the README's commands, the wheel where nothing else is installed, costly cases.
test-slow: .venv/.installed
	$(PARALLEL) -m slow $(ARGS)

test-all: test
	$(MAKE) test-rest

# What test-all has besides test: two lanes side by side, each of whose steps prints when it has ended.
test-rest: .venv/.fuzz .venv/.scale
	$(MAKE) --jobs=2 --output-sync=target _first-lane _second-lane

_first-lane:
	$(MAKE) torture SHARE=0.1
	$(MAKE) hosts
	$(MAKE) test-providers

_second-lane:
	$(MAKE) test-slow
	$(MAKE) test-scale
	$(MAKE) fuzz SECONDS=10

# What the documents show is what the kept figures say.
documents: .venv/.installed
	$(TEST) $(ARGS) tests/documents

coverage:
	$(BIN)/python -m coverage report --skip-covered

# Ray, Spark (with Java 17) and DuckDB on 2 million rows; FULL=1 takes 20 million and keeps its figures in docs/scale.json.
FULL :=
test-scale: .venv/.scale
	AETK_SCALE=$(if $(FULL),full,required) $(TEST) $(ARGS) tests/scale

.venv/.scale: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group scale
	touch $@

# Installs their tools (Debian), builds them as their READMEs say, and tests them on every runtime; none is skipped.
hosts: .venv/.installed
	tests/hosts/tools.sh
	AETK_HOSTS=required $(TEST) $(ARGS) tests/hosts

# OpenVINO, WebGPU on a software Vulkan driver (Debian's Chromium has one), and plugins; their builds and versions of
# ONNX Runtime must not meet the usual one.
test-providers: .venv/.installed .venv-openvino/.installed .venv-webgpu/.installed .venv-plugins/.installed
	tests/providers/tools.sh
	AETK_PROVIDERS=required $(TEST) $(ARGS) tests/providers

.venv-%/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-$*
	grep -v '^onnxruntime==' constraints.txt > .venv-$*/constraints.txt
	.venv-$*/bin/python -m pip install --quiet --constraint .venv-$*/constraints.txt pip
	.venv-$*/bin/python -m pip install --quiet --constraint .venv-$*/constraints.txt --editable . --group $*
	touch $@

check: .venv/.installed wheel documents
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

# Faults, bad inputs and load, as docs/SECURITY.md tells of them; a whole run takes about an hour and writes its tables.
# A tenth of it: make torture SHARE=0.1
SHARE := 1
torture: .venv/.installed
	$(BIN)/python -m tests.torture --share $(SHARE)

# Gate and card under a fuzzer that is guided by coverage (Linux).
SECONDS := 600
fuzz: .venv/.fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

.venv/.fuzz: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group fuzz
	touch $@

# Changes every expression of toolkit/aetk/contract/ in turn, and lists the changes that tests/contract does not notice.
# All of it takes hours, and goes on where it was interrupted; one module: make mutants ARGS="'aetk.contract.gate.*'"
# mutmut wants the package in a folder src/.
mutants: .venv/.mutation
	mkdir -p mutants/exports mutants/mutants/exports
	ln -sfn ../toolkit mutants/src
	ln -sfn ../tests mutants/tests
	ln -sfn ../docs mutants/docs
	ln -sfn ../pyproject.toml mutants/pyproject.toml
	ln -sfn ../../exports/reference mutants/exports/reference
	cd mutants && OMP_NUM_THREADS=1 ../$(BIN)/mutmut run $(ARGS)
	cd mutants && ../$(BIN)/mutmut results

.venv/.mutation: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group mutation
	touch $@

# Known holes in what is installed, and in the apps' packages; needs a network with the advisories of PyPI and npm.
audit: .venv/.installed .tools/.installed
	mkdir -p build
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+.*//' > build/installed.txt
	.tools/bin/pip-audit --strict --disable-pip --no-deps --requirement build/installed.txt
	npm audit --omit=dev --prefix exports/hosts/node
	npm audit --omit=dev --prefix exports/hosts/web

# Bills of materials (CycloneDX) of what a device gets, and of what a workstation gets, in build/.
sbom: wheel .tools/.installed
	.tools/bin/cyclonedx-py environment build/venv --output-reproducible --output-file build/aetk-cpu.cdx.json
	.tools/bin/cyclonedx-py environment .venv --output-reproducible --output-file build/aetk-lab.cdx.json

# Apart from .venv, whose contents they tell of.
.tools/.installed:
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet pip-audit==2.10.1 cyclonedx-bom==7.5.0
	touch $@

bench-peers: .venv/.bench

.venv/.bench: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
	touch $@

clean:
	rm -rf build mutants .venv .venv-* .tools
