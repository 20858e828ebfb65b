# The chores, for people, the README and CI alike. Everything is installed into $(VENV).
PYTHON ?= python3
VENV ?= .venv
SLIM ?= .venv-slim
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
COMPILE := $(BIN)/python -m compileall -q src/namegen  # pip does not, with --editable
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

SURNAMES ?= ../shared/data/surnames
MAKEMORE ?= ../shared/data/makemore

.PHONY: help install demo test test-all test-slim lint format docs notebooks pictures site playground fuzz soak bench quality pretrained people clean

help:
	@echo "make demo        install into $(VENV), train on the included names, and sample some"
	@echo "make test        install into $(VENV) and run the tests (a few minutes)"
	@echo "make test-all    run all tests, including those that need a browser, shells or several processes"
	@echo "make test-slim   install packaging/slim into $(SLIM) and test it there, without torch (a minute)"
	@echo "make lint        run ruff, mypy --strict and import-linter"
	@echo "make format      format the code with ruff"
	@echo "make docs        regenerate the generated docs: references, manual page, recording, badges"
	@echo "make notebooks   run the notebooks of docs/ and save their outputs (two minutes)"
	@echo "make site        build the documentation as a site, into site/"
	@echo "make playground  serve the name generator for the browser on this machine"
	@echo "make pictures    redraw the pictures of docs/tutorial.md (two minutes)"
	@echo "make fuzz        fuzz model files, lists and archives, MINUTES=10 each"
	@echo "make soak        cause faults for MINUTES=5, and print what was lost: nothing"
	@echo "make bench       time namegen next to its peers (half an hour), and write docs/benchmarks.md"
	@echo "make quality     measure the quality of the names (an hour), and write docs/quality.md"
	@echo "make pretrained  train the included model (ten minutes), and write docs/model-card.md and docs/names.md"
	@echo "make people      train the included model people (an hour), and write docs/people-card.md"
	@echo "make clean       remove everything the above created"

install: $(VENV)/.installed

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) .
	$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) '.[dev]'
	$(COMPILE)
	@touch $@ $(VENV)/.installed

demo: export NAMEGEN_CACHE_DIR := .demo
demo: install
	$(BIN)/namegen train --data starter --iters 20000 --force
	$(BIN)/namegen sample German ABC
	$(BIN)/namegen sample Russian RUS
	$(BIN)/namegen plot -o .demo/loss.png
	@echo
	@echo "That was a small model; it and the plot are in .demo. Continue with one of your own:"
	@echo "    source $(BIN)/activate"
	@echo "    namegen train"
	@echo "    namegen sample German ABC"

test: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.installed-dev
	$(PYTEST)

test-slim:
	rm -rf $(SLIM)
	$(PYTHON) -m venv $(SLIM)
	$(SLIM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt ./packaging/slim
	$(SLIM)/bin/python packaging/slim/measure_size.py
	$(SLIM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt Faker pytest
	$(SLIM)/bin/python -m pytest packaging/slim

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-dev
	$(BIN)/python scripts/docs/generate_cli.py > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md
	$(BIN)/python scripts/docs/generate_api.py > docs/api.md.new
	mv docs/api.md.new docs/api.md
	$(BIN)/python scripts/docs/generate_man.py > docs/namegen.1.new
	mv docs/namegen.1.new docs/namegen.1
	$(BIN)/python scripts/docs/record.py
	$(BIN)/python scripts/docs/badges.py

notebooks: $(VENV)/.installed-dev
	$(BIN)/python scripts/docs/run_notebooks.py

site: install
	$(INSTALL) '.[docs]'
	$(BIN)/python scripts/docs/build_site.py
	@echo "To look at it: $(PYTHON) -m http.server --directory site --bind 127.0.0.1, and http://127.0.0.1:8000/"

playground: install
	$(BIN)/python scripts/docs/serve_playground.py $(PORT)

pictures: install
	OPENBLAS_NUM_THREADS=1 $(BIN)/python scripts/docs/pictures/draw.py

fuzz: install
	$(INSTALL) '.[fuzz]'
	$(BIN)/python fuzz/models.py --minutes $(or $(MINUTES),10)
	$(BIN)/python fuzz/lists.py --minutes $(or $(MINUTES),10)

soak: install
	$(BIN)/python soak/soak.py --minutes $(or $(MINUTES),5)

bench: install
	$(INSTALL) '.[bench]'
	$(BIN)/python benchmarks/suite.py $(SURNAMES)
	$(BIN)/python benchmarks/report.py

quality: install
	$(INSTALL) '.[bench]'
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/figures.py $(SURNAMES) $(MAKEMORE)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/realness.py $(SURNAMES)
	$(INSTALL) '.[build]'
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/realness.py --people

pretrained: install
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/pretrained.py $(SURNAMES)

people: install
	$(INSTALL) '.[build]'
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/people_model.py

clean:
	rm -rf $(VENV) $(SLIM) .demo site fuzz/findings .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
