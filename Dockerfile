# InfoGAN on an NVIDIA GPU; started without one, the same image runs on the CPU. See docs/docker.md.

# TensorFlow 2.21 is built for CUDA 12.5 and refuses a cuDNN older than 9.3, which the CUDA 12.5 images still have.
ARG BASE_IMAGE=nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04

FROM ${BASE_IMAGE} AS python
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

# A stage of its own: what pip leaves behind stays here, and a change of the code does not install anything again.
FROM python AS packages
COPY docker/requirements.txt /tmp/requirements.txt
# A pip.conf of the builder's, where packages come from a mirror: docker build --secret id=pip.conf,src=pip.conf
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m venv /opt/infogan \
    && /opt/infogan/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        --requirement /tmp/requirements.txt

FROM python
COPY --from=packages /opt/infogan /opt/infogan
ENV PATH=/opt/infogan/bin:$PATH PYTHONUNBUFFERED=1 HOME=/infogan/home INFOGAN_CACHE=/infogan/cache
WORKDIR /infogan
COPY . .
# Files come with the modes of the builder's clone, which may be closed to others.
# Numbers and no name: whoever runs the container may give another user, so each may write where runs write.
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable . \
    && python -m compileall -q infogan launchers \
    && chmod -R a+rX . \
    && mkdir -m 1777 logs ckt data cache home
USER 1000:1000
ENTRYPOINT ["/infogan/docker/start.sh"]
CMD ["launchers/run_mnist_exp.py"]
