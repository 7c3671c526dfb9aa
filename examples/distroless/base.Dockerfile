# A base image with nothing but Python and libraries: those that it needs itself, and those that manylinux wheels take for granted.
# Any other that holds Python does as well.
FROM python:3.13-slim AS whole
RUN set -e; mkdir -p /r/usr/lib /r/usr/lib64 /r/etc/ssl/certs /r/tmp; chmod 1777 /r/tmp; \
    cp -a /lib /lib64 /r/; cp -a /usr/local /r/usr/; cp -aL /usr/lib64/. /r/usr/lib64/; \
    cp -a /etc/os-release /etc/passwd /etc/group /r/etc/; cp -a /usr/lib/os-release /r/usr/lib/; \
    cp -L /etc/ssl/certs/ca-certificates.crt /r/etc/ssl/certs/; \
    find /usr/local -name '*.so*' -exec ldd {} + > /tmp/needs; ldd /usr/local/bin/python3.13 >> /tmp/needs; \
    for name in libc.so.6 libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0 libutil.so.1 libresolv.so.2 libgcc_s.so.1 libstdc++.so.6; do \
        find /usr/lib -name $name -printf '%f => %p\n' >> /tmp/needs; done; \
    awk '/=> \//{print $3}' /tmp/needs | sort -u | xargs -I{} cp -L --parents {} /r
FROM scratch
COPY --from=whole /r /
ENV PATH=/usr/local/bin:/usr/bin PYTHON_VERSION=3.13 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
CMD ["python3"]
