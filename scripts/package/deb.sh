#!/usr/bin/env bash
# Builds the Debian package p6n_VERSION_ARCH.deb into the folder that is named, dist/ by default.
# It brings p6n's npm packages along, since Debian has few of them, and takes Node.js from the
# system. Nothing is fetched beyond what `npm ci` has installed.
set -euo pipefail
out=$(realpath "${1:-dist}")
# shellcheck source=scripts/prepare.sh
source "$(dirname "$0")/../prepare.sh"
build

version=$(node -p 'require("./package.json").version')
arch=$(dpkg --print-architecture)
root=$(mktemp -d /tmp/p6n-deb.XXXXXX)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
umask 022

lib=$root/usr/lib/p6n
doc=$root/usr/share/doc/p6n
install -d "$lib/dist" "$root"/usr/{bin,lib/cni} "$root"/etc/{p6n,default} "$doc" "$root/DEBIAN" \
  "$root"/usr/share/{bash-completion/completions,zsh/vendor-completions} \
  "$root"/usr/share/fish/vendor_completions.d "$root"/usr/share/{lintian/overrides,man/man8} \
  "$root"/lib/systemd/system "$root"/usr/lib/modules-load.d

# The programs, compiled, with the npm packages that they need at run time.
cp -r package.json bin "$lib"
cp -r dist/src "$lib/dist/src"
find "$lib/dist" \( -name '*.map' -o -name '*.d.ts' \) -delete
install -Dm644 src/registry/etcd/etcd.proto "$lib/src/registry/etcd/etcd.proto"
npm ls --omit=dev --all --parseable | sed -n "s|^$PWD/||p" | sort -u | while read -r package; do
  [[ -d $package ]] || continue
  install -d "$lib/$package"
  tar -C "$package" --exclude=./node_modules -cf - . | tar -C "$lib/$package" -xf -
done
cd "$lib/node_modules"
# What runs, and the licenses; no tests, documents, tools or builds for other machines.
find . \( -name test -o -name tests -o -name spec -o -name integration -o -name scripts \
  -o -name docs -o -name examples -o -name benchmarks -o -name bin -o -name '.[a-z]*' \
  -o -name '*musl*' \) -prune -exec rm -rf {} +
find . -type f ! -name '*.js' ! -name '*.cjs' ! -name '*.mjs' ! -name '*.json' ! -name '*.node' \
  ! -name '*.proto' ! -iname 'licen[sc]e*' ! -iname 'notice*' -delete
find . -type d -empty -delete
find . -type f -exec chmod 644 {} +
find . -type f \( -name '*.js' -o -name '*.[cm]js' \) -exec sed -i '1{/^#!/d}' {} +
find . -name '*.node' -exec strip --strip-unneeded {} +
cd "$OLDPWD"
for program in p6nd p6nctl p6nwg; do ln -s "../lib/p6n/bin/$program" "$root/usr/bin/$program"; done
ln -s ../p6n/bin/p6n-cni "$root/usr/lib/cni/p6n-cni"

# What the system reads of it.
install -m644 scripts/package/p6nd.service "$root/lib/systemd/system/p6nd.service"
install -m600 scripts/package/p6nd.json "$root/etc/p6n/p6nd.json"
install -m644 scripts/package/p6nd.default "$root/etc/default/p6nd"
echo tun >"$root/usr/lib/modules-load.d/p6n.conf"
bin/p6nctl completion bash >"$root/usr/share/bash-completion/completions/p6nctl"
bin/p6nctl completion zsh >"$root/usr/share/zsh/vendor-completions/_p6nctl"
bin/p6nctl completion fish >"$root/usr/share/fish/vendor_completions.d/p6nctl.fish"

# Documents.
gzip -9n <README.md >"$doc/README.md.gz"
gzip -9n <CHANGELOG.md >"$doc/CHANGELOG.md.gz"
maintainer="${DEBFULLNAME:-The p6n authors} <${DEBEMAIL:-p6n@localhost.localdomain}>"
gzip -9n >"$doc/changelog.gz" <<END
p6n ($version) unstable; urgency=medium

  * What changes for operators is in CHANGELOG.md.gz.

 -- $maintainer  $(date -R -u -r CHANGELOG.md)
END
install -m644 scripts/package/grafana.json "$doc/grafana.json"
cat >"$doc/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: p6n

Files: *
Copyright: 2026 the authors of p6n
License: Apache-2.0
 On Debian systems, the text of the license is in /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/p6n/node_modules/*
Copyright: 2010-2026 the authors of each package, as its package.json and its license file say
License: various
 The license of each package is in its own folder.
END
for program in p6nd p6nctl p6nwg; do
  scripts/package/man-page.sh "$program" | gzip -9n >"$root/usr/share/man/man8/$program.8.gz"
done
install -m644 scripts/package/lintian-overrides "$root/usr/share/lintian/overrides/p6n"

# Control files.
printf '%s\n' /etc/p6n/p6nd.json /etc/default/p6nd >"$root/DEBIAN/conffiles"
install -m755 scripts/package/postinst scripts/package/prerm scripts/package/postrm "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: p6n
Version: $version
Architecture: $arch
Maintainer: $maintainer
Section: net
Priority: optional
Depends: nodejs (>= 20.19), iproute2, libc6
Recommends: iputils-ping
Suggests: wireguard-tools
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Description: private IPv6 networks for the workloads on your own hosts
 Every workload gets an address that says its network, host and instance. Hosts
 are joined by WireGuard, a packet filter keeps each network apart from all
 others, and a name server answers for apps by name. It serves plain processes,
 network namespaces, Docker, podman and Kubernetes.
END
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z |
  xargs -0 md5sum >DEBIAN/md5sums)
mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz -z6 --build "$root" "$out/p6n_${version}_${arch}.deb" >/dev/null
echo "$out/p6n_${version}_${arch}.deb"
