# The chores, for people, the README and CI alike. Everything is installed into $(VENV), and nowhere else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

SURNAMES ?= ../shared/data/surnames
MAKEMORE ?= ../shared/data/makemore

.PHONY: help install demo test lint format docs pictures site playground fuzz soak bench quality pretrained clean

help:
	@echo "make demo     install into $(VENV), train on the names that come along, and invent some"
	@echo "make test     install into $(VENV) and run all tests"
	@echo "make lint     ruff and mypy --strict"
	@echo "make format   let ruff put the code into shape"
	@echo "make docs     write anew what the docs have from the code: the references, the manual page, the recording, the badges"
	@echo "make site     build the documentation as a site, into site/"
	@echo "make playground  serve the page that invents names in the browser, on this machine"
	@echo "make pictures  make the pictures of docs/tutorial.md anew, from trainings of their own (two minutes)"
	@echo "make fuzz     try spoiled model files, lists and archives, MINUTES=10 each"
	@echo "make soak     cause faults for MINUTES=5, and print what was lost: nothing"
	@echo "make bench    time namegen beside its peers (half an hour), and write docs/benchmarks.md"
	@echo "make quality  measure how good the names are (an hour), and write the figures into docs/quality.md"
	@echo "make pretrained  train the model that comes along (ten minutes), and write docs/model-card.md and docs/names.md"
	@echo "make clean    remove what these made"

install: $(VENV)/.installed

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) '.[dev]'
	@touch $@ $(VENV)/.installed

demo: export NAMEGEN_CACHE_DIR := .demo
demo: install
	$(BIN)/namegen train --data starter --iters 20000 --force
	$(BIN)/namegen sample German ABC
	$(BIN)/namegen sample Russian RUS
	$(BIN)/namegen plot -o .demo/loss.png
	@echo
	@echo "That was a small model; it and the plot lie in .demo. To go on with one of your own:"
	@echo "    source $(BIN)/activate"
	@echo "    namegen train"
	@echo "    namegen sample German ABC"

test: $(VENV)/.installed-dev
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate_cli.py > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md
	$(BIN)/python docs/generate_api.py > docs/api.md.new
	mv docs/api.md.new docs/api.md
	$(BIN)/python docs/generate_man.py > docs/namegen.1.new
	mv docs/namegen.1.new docs/namegen.1
	$(BIN)/python docs/record.py
	$(BIN)/python docs/badges.py

site: install
	$(INSTALL) '.[docs]'
	$(BIN)/python docs/build_site.py
	@echo "To look at it: $(PYTHON) -m http.server --directory site --bind 127.0.0.1, and http://127.0.0.1:8000/"

playground:
	$(PYTHON) docs/serve_playground.py $(PORT)

pictures: install
	OPENBLAS_NUM_THREADS=1 $(BIN)/python docs/pictures/draw.py

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

pretrained: install
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/pretrained.py $(SURNAMES)

clean:
	rm -rf $(VENV) .demo site fuzz/findings .pytest_cache .mypy_cache .ruff_cache .hypothesis
