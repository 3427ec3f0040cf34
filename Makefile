# Each target installs what it needs first; without root it says what to install, and stops.
.PHONY: setup build demo test python train-detector train-expression clean
CARGO ?= cargo

setup:
	@setup/packages.sh
	@setup/fetch.sh

build: setup
	$(CARGO) build --release --locked

demo: build
	@tests/demo.sh

python: setup
	@setup/python.sh

test: build python
	@tests/all.sh

clean:
	$(CARGO) clean
	rm -rf demo-out
