# One file for CPU and CUDA: the package index's torch runs on both. For a smaller image without CUDA,
# give the address of an index of CPU builds: --build-arg TORCH_INDEX_URL=...
ARG PYTHON_VERSION=3.12
FROM python:${PYTHON_VERSION}-slim

ARG TORCH_INDEX_URL=""
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    HF_HOME=/models \
    PICTOR_HOST=0.0.0.0

WORKDIR /opt/pictor
# torch and torchvision resolve together: builds from two indexes do not fit each other
RUN if [ -n "$TORCH_INDEX_URL" ]; then \
        pip install torch torchvision --index-url "$TORCH_INDEX_URL"; \
    fi
COPY pyproject.toml README.md LICENSE ./
COPY cli cli
COPY evaluation evaluation
COPY index index
COPY models models
COPY service service
COPY training training
RUN pip install '.[milvus]'

RUN useradd --create-home --uid 1000 pictor \
    && mkdir /collection /models \
    && chown pictor /collection /models
USER pictor
WORKDIR /home/pictor

EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=6s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=5)"]
ENTRYPOINT ["pictor"]
CMD ["serve", "/collection"]
