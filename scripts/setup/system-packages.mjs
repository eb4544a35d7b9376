import { readFileSync } from 'node:fs';
import { runCommand } from './command.mjs';
import { findExecutable } from './executables.mjs';
import { heartbeat, seconds } from './say.mjs';

/**
 * Package names by package manager, in the order in which they are looked for on a machine. `apt-get` and `brew` are run by
 * the set-up itself; for the others the line to type is shown.
 */
const PACKAGES = {
  redis: { 'apt-get': 'redis-server', brew: 'redis', dnf: 'valkey', pacman: 'valkey', apk: 'valkey', zypper: 'valkey' },
  ffmpeg: {
    'apt-get': 'ffmpeg',
    brew: 'ffmpeg',
    dnf: 'ffmpeg-free',
    pacman: 'ffmpeg',
    apk: 'ffmpeg',
    zypper: 'ffmpeg',
  },
  haproxy: {
    'apt-get': 'haproxy',
    brew: 'haproxy',
    dnf: 'haproxy',
    pacman: 'haproxy',
    apk: 'haproxy',
    zypper: 'haproxy',
  },
  chromium: {
    'apt-get': 'chromium',
    brew: 'chromium',
    dnf: 'chromium',
    pacman: 'chromium',
    apk: 'chromium',
    zypper: 'chromium',
  },
};

const LINES = {
  'apt-get': (name) => `apt-get update && apt-get install -y ${name}`,
  brew: (name) => `brew install ${name}`,
  dnf: (name) => `dnf install -y ${name}`,
  pacman: (name) => `pacman -S --noconfirm ${name}`,
  apk: (name) => `apk add ${name}`,
  zypper: (name) => `zypper install -y ${name}`,
};

/** The package manager of this machine, or null; `find` tells whether a command exists. */
export function packageManager(find = (name) => findExecutable([name]) !== null, platform = process.platform) {
  if (platform === 'darwin') return find('brew') ? 'brew' : null;
  return ['apt-get', 'dnf', 'pacman', 'apk', 'zypper'].find(find) ?? null;
}

/** The one line that a person types to install `what` (a key of PACKAGES) with `manager`; null says that none was found. */
export function lineToType(what, manager, { isRoot = process.getuid?.() === 0, platform = process.platform } = {}) {
  if (manager === null)
    return platform === 'darwin'
      ? `install Homebrew (brew.sh), then: brew install ${PACKAGES[what].brew}`
      : `install ${what} with your system's package manager`;
  const line = LINES[manager](PACKAGES[what][manager]);
  if (manager === 'brew' || isRoot) return line;
  return line
    .split(' && ')
    .map((part) => `sudo ${part}`)
    .join(' && ');
}

/**
 * The shell script that installs a Debian package without leaving a service behind. Debian's maintainer scripts start a service
 * as soon as it is unpacked, unless /usr/sbin/policy-rc.d forbids it; one that is there already (as in container images) is left
 * alone. Where systemd runs, the service is also switched off for the next boot. The package lists are refreshed only when the
 * package cannot be had from those that are there.
 */
export function aptScript(name) {
  return `set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
apt="apt-get -q -o DPkg::Lock::Timeout=60 -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 -o Acquire::http::Timeout=20"
install() { $apt install -y --no-install-recommends ${name}; }
install || { $apt update && install; }
if [ -d /run/systemd/system ] && systemctl cat ${name}.service >/dev/null 2>&1; then
  systemctl disable ${name}.service >/dev/null 2>&1 || true
fi
`;
}

function isDebianLike() {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

async function prefixForRoot() {
  if (process.getuid?.() === 0) return [];
  const sudo = findExecutable(['sudo']);
  // -n: a set-up step never waits for a password that nobody may be there to type.
  return sudo !== null && (await runCommand(sudo, ['-n', 'true'], { timeoutMs: 10_000 })).code === 0
    ? [sudo, '-n']
    : null;
}

/** The command that installs `what` here without asking anything, or null where that may not be done. */
async function installCommand(what, manager) {
  if (manager === 'brew')
    return { command: ['brew', 'install', PACKAGES[what].brew], env: { ...process.env, HOMEBREW_NO_AUTO_UPDATE: '1' } };
  if (manager !== 'apt-get' || !isDebianLike()) return null;
  const prefix = await prefixForRoot();
  return prefix === null
    ? null
    : { command: [...prefix, 'sh', '-c', aptScript(PACKAGES[what]['apt-get'])], env: process.env };
}

/**
 * Installs `what` where the system's package manager may be used unasked. Answers `{ installed, hint }`: when it was not
 * installed, `hint` says why and what to type.
 */
export async function installPackage(what, say) {
  const manager = packageManager();
  const hint = `To install it, type: ${lineToType(what, manager)}`;
  const install = await installCommand(what, manager);
  if (install === null) return { installed: false, hint };
  say(`installing it with ${manager}`);
  const stop = heartbeat(what, (ms) => `installing, ${seconds(ms)}`);
  const [command, ...args] = install.command;
  const result = await runCommand(command, args, { env: install.env, timeoutMs: 15 * 60_000 }).finally(stop);
  if (result.code === 0) return { installed: true, hint: '' };
  const words = result.lines.filter((line) => /^(E|Error):/.test(line)).slice(-4);
  return {
    installed: false,
    hint: [`${manager} could not install it:`, ...words.map((line) => `  ${line}`), hint].join('\n'),
  };
}
