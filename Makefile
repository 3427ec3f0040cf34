# Each target installs what it needs first; without root it says what to install, and stops.
.PHONY: setup build demo test test-vm test-docker figures compare-align fuzz python
.PHONY: bench-align bench-can bench-can-vm bench-load bench-telematics
.PHONY: train-detector train-landmarks train-fit-check train-mouth-check train-expression train-original
.PHONY: models dataset review experiments results clean
CARGO ?= cargo
# Python's ONNX Runtime, too, would send telemetry and keep files in the home folder.
export ORT_DISABLE_TELEMETRY = 1
DATA ?= $(or $(CABINMOOD_DATA),$(abspath ../shared/data))
PYTHON = cd models/training && ../../.venv/bin/python

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
	@setup/packages.sh tests/telematics/packages.txt
	@tests/all.sh

# The binary on real cameras and buses, in a guest: docs/testing.md.
test-vm: build python
	@setup/packages.sh tests/vm/packages.txt
	@tests/vm/run.sh

# The Dockerfile's steps, and the daemon in the image, without Docker: docs/docker.md. ARGS="cuda training" for those.
test-docker: setup
	@setup/packages.sh tests/docker/packages.txt
	@tests/docker/run.sh $(ARGS)

# The README's figures, measured again; needs the shared data.
figures: build python
	@tests/figures.sh

# Every decoder with ten million inputs; `make test` tries some ten thousand. SEED=... starts elsewhere.
fuzz: build
	CABINMOOD_FUZZ_INPUTS=10000000 CABINMOOD_FUZZ_SEED=$(SEED) \
		$(CARGO) test --release --locked --workspace --test fuzz -- --nocapture

# From the event to the frame on the bus, beside a bare sender: on a pair of sockets, or on INTERFACE=vcan0.
bench-can: build
	$(CARGO) bench --locked -p publish --bench can_latency -- $(if $(INTERFACE),--interface $(INTERFACE))

# The same in the guest, on its vcan0.
bench-can-vm: build python
	@setup/packages.sh tests/vm/packages.txt
	@tests/vm/bench_can.sh

# What each part of alignment costs, HOG features beside OpenCV's.
bench-align: build
	$(CARGO) bench --locked -p align --bench stages

# The frame rate alone and with 50 slow subscribers, stuck scrapers and a dead broker. ARGS="--set KEY=VALUE" goes
# to the daemon under load, "--rounds N" repeats.
bench-load: build python
	@setup/packages.sh tests/telematics/packages.txt
	.venv/bin/python tests/load.py $(ARGS)

# The store's figures and the upload of a day's backlog to a broker on this computer.
bench-telematics: build
	@setup/packages.sh tests/telematics/packages.txt
	$(CARGO) bench --locked -p publish --bench telematics

# Alignment against dlib, on the same footage in one run.
compare-align: build python
	.venv/bin/python tests/compare/align.py --data $(DATA)

# The models, in the order in which they depend on one another: the net learns from faces that the
# detector found, the landmarks aligned and the fit check let pass. DATA=... names the data's folder.
train-detector: python
	$(PYTHON) -m detector.train --data $(DATA) --out .. \
		--predictor ../../third_party/dlib/shape_predictor_68_face_landmarks.dat

# MediaPipe, which marks the pictures that nobody annotated, wants an environment of its own.
train-landmarks: python
	setup/python.sh .venv-mesh models/training/landmarks/mesh-requirements.txt
	cd models/training && ../../.venv-mesh/bin/python landmarks/mesh.py --data $(DATA) --out runs/landmarks/meshes.npz
	$(PYTHON) -m landmarks.train --data $(DATA) --meshes runs/landmarks/meshes.npz --out runs/landmarks
	$(PYTHON) -m landmarks.pack --run runs/landmarks --out ..

# After train-landmarks, whose faces it takes; the weights become part of the program.
train-fit-check: python
	$(PYTHON) -m fit_check.train --data $(DATA) --meshes runs/landmarks/meshes.npz \
		--output ../../crates/align/src/check

# What tells a covered mouth: of the same faces and of FER2013's, cut by the program as it is.
train-mouth-check: build python
	$(PYTHON) -m expression.prepare --data $(DATA)
	$(PYTHON) -m fit_check.mouth --data $(DATA) --meshes runs/landmarks/meshes.npz \
		--aligned runs/data/aligned/fer --output ../../crates/align/src/check

# Pictures of your own in class folders, RAW=..., to what train-expression's steps learn from, OUT=...;
# ARGS="--person-pattern REGEX --crops ..." are told by docs/training.md.
dataset: build python
	@test -n "$(RAW)" -a -n "$(OUT)" || { echo "make dataset RAW=folder OUT=folder [ARGS=...]"; exit 64; }
	$(PYTHON) -m dataset.build "$(abspath $(RAW))" "$(abspath $(OUT))" $(ARGS)

# A page of the labels in OUT=... that the net of RUN=... disagrees with; without RUN, the shipped one.
review: python
	@test -n "$(OUT)" || { echo "make review OUT=folder [RUN=folder]"; exit 64; }
	$(PYTHON) -m dataset.review --pack "$(abspath $(OUT))/original/pack.npz" --out "$(abspath $(OUT))/review" \
		$(if $(RUN),--run "$(abspath $(RUN))",--manifest ../expression.toml)

# Two teachers and their pupil, which a wide net then teaches further, and which goes on by itself in the end: the wide
# net wants a GPU (minutes; days on two cores), the others six hours on two cores. Goes on after an interruption,
# unless the data changed; models/training/runs/NAME/log.csv tells how far it is.
FACES := runs/data/pack.npz runs/data/unaligned.npz
train-expression: build python
	rm -rf models/training/runs/data/aligned
	$(PYTHON) -m expression.prepare --data $(DATA)
	$(PYTHON) -m expression.train --config configs/compact.toml --pack $(FACES) --out runs/compact
	$(PYTHON) -m expression.train --config configs/robust.toml --pack $(FACES) --out runs/robust
	$(PYTHON) -m expression.train --config configs/pupil.toml --pack $(FACES) --out runs/pupil \
		--teachers runs/compact/best.pt runs/robust/best.pt
	$(PYTHON) -m expression.train --config configs/teacher-a.toml --pack $(FACES) --out runs/teacher-a
	$(PYTHON) -m expression.train --config configs/pupil-further.toml --pack $(FACES) --out runs/pupil-further \
		--teachers runs/teacher-a/best.pt runs/robust/best.pt
	$(PYTHON) -m expression.train --config configs/pupil-again.toml --pack $(FACES) --out runs/pupil-again \
		--teachers runs/pupil-further/best.pt
	$(PYTHON) -m expression.export --run runs/pupil-again
	$(PYTHON) -m expression.judge --run runs/pupil-again --chain

# The shipped net goes on with FER2013's own labels, for comparison with the literature: --model original. Forty
# minutes on two cores.
train-original: build python
	[ -f models/training/runs/data/pack.npz ] || { $(PYTHON) -m expression.prepare --data $(DATA); }
	$(PYTHON) -m expression.unfold ../expression.onnx --config configs/original-further.toml \
		--pack runs/data/pack.npz --out runs/shipped
	$(PYTHON) -m expression.train --config configs/original-further.toml --pack $(FACES) --out runs/original-further
	$(PYTHON) -m expression.train --config configs/original-again.toml --pack $(FACES) --out runs/original-again \
		--teachers runs/original-further/best.pt
	$(PYTHON) -m expression.export --run runs/original-again --mirror --form int8 \
		--accuracy-given 0 --out ../original.toml
	$(PYTHON) -m expression.judge --manifest ../original.toml --run runs/original-again

# The account's experiments, those of the plan that are not done: hours to days on a CPU, goes on after an
# interruption. ARGS="--only ID --threads 1 --list ..."; docs/training.md tells more.
experiments: build python
	[ -f models/training/runs/data/pack.npz ] || { $(PYTHON) -m expression.prepare --data $(DATA); }
	$(PYTHON) -m experiments.run --data $(DATA) $(ARGS)

# docs/results.md and its plots from what the experiments left; PRICE=... is that of an hour, GPU_PRICE=... with a GPU.
results: python
	$(PYTHON) -m experiments.table $(if $(PRICE),--price-per-hour $(PRICE)) \
		$(if $(GPU_PRICE),--gpu-price-per-hour $(GPU_PRICE))

# AlexNet, VGG16, ResNet101 and EfficientNet-Lite0 from FER2013's faces, for --model NAME: those that models/
# lacks, or ARGS="vgg16 ...". Days on a CPU; goes on after an interruption.
models: build python
	[ -f models/training/runs/data/pack.npz ] || { $(PYTHON) -m expression.prepare --data $(DATA); }
	@models/training/reference_models.sh $(ARGS)

clean:
	$(CARGO) clean
	rm -rf demo-out
