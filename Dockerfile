# The image holds one static program, CA roots and nothing else: no shell, no
# package manager, no root user. It runs with a read-only root; only /data is
# written to.
#
#   docker build -t oriel .
#   docker run -p 8080:8080 -v oriel:/data -e ORIEL_IMAP=imaps://mail.example.org \
#     --read-only --cap-drop ALL --security-opt no-new-privileges oriel
#
# To build from a registry of your own: --build-arg GO_IMAGE=registry/golang:1.26
ARG GO_IMAGE=golang:1.26-bookworm

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
RUN VERSION="$VERSION" COMMIT="$COMMIT" ./scripts/image-root /image

FROM scratch
COPY --from=build /image/ /
# Once more, because COPY gives a folder that it makes to root.
COPY --from=build --chown=65532:65532 /image/data/ /data/
ENV ORIEL_DATA=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/oriel", "healthcheck"]
ENTRYPOINT ["/oriel"]
