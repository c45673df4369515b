"""What the image of a Dockerfile holds and what a container of it starts, without an engine.

Instructions that copy, set and name things are carried out. A `RUN` is not: what it installs with pip is read, what it
does to files with mkdir and chmod is done, and everything else is listed as not looked at.

Sources: Docker's documentation, "Dockerfile reference" (COPY and ADD, "Understand how CMD and ENTRYPOINT interact") and
"Build context" (.dockerignore, for which Docker's own Python library is used).
"""

import re
import shlex
import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from docker.utils.build import exclude_paths

from scripts.rehearsal.builds.dockerfile import DOCUMENT, DockerfileError, Instruction, exec_form, read, words

SHELL = ("/bin/sh", "-c")
# Base images whose own command is no server: their container ends at once.
BARE = re.compile(r"(^|/)(python|debian|ubuntu|alpine|busybox|amazonlinux|scratch)(:|@|$)")
# Arguments that a builder sets where a stage declares them ("Automatic platform ARGs in the global scope").
PLATFORM = {
    **{f"{side}PLATFORM": "linux/amd64" for side in ("BUILD", "TARGET")},
    **{f"{side}OS": "linux" for side in ("BUILD", "TARGET")},
    **{f"{side}ARCH": "amd64" for side in ("BUILD", "TARGET")},
}
# What changes nothing that a rehearsal could see.
HARMLESS = frozenset(
    ["true", ":", "echo", "set", "adduser", "addgroup", "useradd", "groupadd", "chown", "export", "umask", "cd"]
)


@dataclass
class Container:
    """What a container of an image starts with: the words of its command, the folder that it starts in, what it has in
    its environment, as whom it runs, on which ports its image says that it listens, the arguments of the `pip install`
    calls that made it, what of it was not looked at, and the image below it."""

    command: list[str] = field(default_factory=list)
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = ""
    exposed: list[str] = field(default_factory=list)
    installs: list[list[str]] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    base: str = ""


@dataclass
class _Stage:
    """A stage while it is built, with its files below `root`."""

    root: Path
    base: str
    shell: list[str] = field(default_factory=lambda: list(SHELL))
    entrypoint: list[str] | None = None
    command: list[str] | None = None
    arguments: dict[str, str] = field(default_factory=dict)
    container: Container = field(default_factory=Container)
    runs: bool = False  # something ran in it that may have made files
    locked: Path | None = None  # the requirements that the build read from a lock file, for tools that read it here
    command_is_its_own: bool = False

    @property
    def variables(self) -> dict[str, str]:
        return {**self.arguments, **self.container.environment}

    def place(self, path: str) -> PurePosixPath:
        """A path of the image, absolute."""
        return PurePosixPath("/", *_inside(str(PurePosixPath(self.container.folder, path)).lstrip("/")))

    def file(self, path: str | PurePosixPath) -> Path:
        """The file of a path. Raises `DockerfileError` where a link that was copied leads out of the image's files."""
        file = self.root / str(self.place(str(path))).lstrip("/")
        if not file.resolve().is_relative_to(self.root.resolve()):
            raise DockerfileError(f"{path}: a link leads out of the image's files, which a rehearsal does not follow")
        return file


def build(file: Path, context: Path, work: Path) -> tuple[Path, Container]:
    """The files and the container of the image that a Dockerfile describes, below the empty folder `work`.

    Raises `DockerfileError` with everything that a builder would end at.
    """
    try:
        instructions = read(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DockerfileError(f"{file.name}: it is not UTF-8: {error}") from error
    sent = work / "context"
    send(context, sent, file)
    # The build leaves them beside the code, which is where the Dockerfile is or below it.
    names = ("requirements.txt", "*/requirements.txt")
    locked = next((path for name in names for path in sorted(file.parent.glob(name))), None)
    return _Builder(file.name, sent, work, locked).image(instructions)


def send(context: Path, target: Path, dockerfile: Path) -> None:
    """Copies what a builder gets of a context: all of it but what `.dockerignore` names; a file of that name behind
    the Dockerfile's own goes before."""
    own = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    ignore = own if own.is_file() else context / ".dockerignore"
    patterns = []
    if ignore.is_file():
        lines = ignore.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    target.mkdir(parents=True)
    for name in sorted(exclude_paths(str(context), patterns, dockerfile.name)):
        source, copy = context / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            copy.mkdir(exist_ok=True)
        else:
            shutil.copy2(source, copy, follow_symlinks=False)


@dataclass
class _Builder:
    """Carries the instructions out; `name` is the Dockerfile's for messages."""

    name: str
    context: Path
    work: Path
    locked: Path | None
    stages: dict[str, _Stage] = field(default_factory=dict)
    count: int = 0
    faults: list[str] = field(default_factory=list)

    def image(self, instructions: Sequence[Instruction]) -> tuple[Path, Container]:
        general: dict[str, str] = {}  # arguments before the first FROM are for FROM alone
        stage: _Stage | None = None
        for instruction in instructions:
            if instruction.name == "FROM":
                stage = self._from(instruction, general)
            elif instruction.name == "ARG" and stage is None:
                self._arguments(instruction, general, general)
            elif stage is None:
                self._fault(instruction, "no build stage in current context")
            else:
                self._carry_out(instruction, stage, general)
        if stage is None:
            self.faults.append(f"{self.name}: there is no FROM")
        elif not (command := self._command(stage)):
            if BARE.search(stage.base):
                self.faults.append(f"{self.name}: there is no CMD, so a task would end at once")
            else:
                stage.container.unseen.append(f"the command that {stage.base} brings along")
        else:
            stage.container.command = command
        if stage is not None:
            stage.container.base = stage.base
        if self.faults or stage is None:
            raise DockerfileError("\n".join(self.faults))
        return stage.root, stage.container

    def _fault(self, instruction: Instruction, problem: str) -> None:
        self.faults.append(f"{self.name}:{instruction.line}: {instruction.name} {problem}")

    def _from(self, instruction: Instruction, general: Mapping[str, str]) -> _Stage:
        base, *rest = words(instruction.text, {**PLATFORM, **general}) or [""]
        root = self.work / f"stage-{self.count}"
        stage = _Stage(root, base, locked=self.locked)
        if earlier := self.stages.get(base.lower()):
            shutil.copytree(earlier.root, root, symlinks=True)
            container = Container(
                [],
                earlier.container.folder,
                dict(earlier.container.environment),
                earlier.container.user,
                list(earlier.container.exposed),
                list(earlier.container.installs),
                list(earlier.container.unseen),
            )
            stage = _Stage(
                root,
                earlier.base,
                list(earlier.shell),
                earlier.entrypoint,
                earlier.command,
                container=container,
                runs=earlier.runs,
                locked=self.locked,
            )
        else:
            root.mkdir()
        self.stages[str(self.count)] = stage  # names do not count (COPY --from)
        self.count += 1
        if len(rest) == 2 and rest[0].lower() == "as":
            self.stages[rest[1].lower()] = stage
        elif rest or not base:
            self._fault(instruction, f"{instruction.text}: FROM takes IMAGE, or IMAGE AS NAME")
        return stage

    def _arguments(self, instruction: Instruction, target: dict[str, str], general: Mapping[str, str]) -> None:
        for word in words(instruction.text, {**general, **target}):
            name, sign, value = word.partition("=")
            if sign:
                target[name] = value
            elif name in general or name in PLATFORM:
                target[name] = general.get(name, PLATFORM.get(name, ""))

    def _carry_out(self, instruction: Instruction, stage: _Stage, general: Mapping[str, str]) -> None:
        container, text = stage.container, instruction.text
        match instruction.name:
            case "ARG":
                self._arguments(instruction, stage.arguments, general)
            case "WORKDIR":
                container.folder = str(stage.place(" ".join(words(text, stage.variables))))
                stage.file(".").mkdir(parents=True, exist_ok=True)
            case "SHELL":
                stage.shell = exec_form(text) or stage.shell
            case "ENTRYPOINT":
                stage.entrypoint = _command_words(text, stage.shell)
                # The command of the image below belongs to its own entry point.
                stage.command = stage.command if stage.command_is_its_own else None
            case "CMD":
                stage.command, stage.command_is_its_own = _command_words(text, stage.shell), True
            case "COPY" | "ADD":
                self._copy(instruction, stage)
            case "RUN":
                self._run(instruction, stage)
            case _:
                _describe(instruction, stage)

    def _command(self, stage: _Stage) -> list[str]:
        """The two instructions as one command: in its shell form an ENTRYPOINT takes no CMD."""
        if stage.entrypoint is None:
            return stage.command or []
        shell_form = stage.entrypoint[: len(stage.shell)] == stage.shell
        return stage.entrypoint if shell_form else [*stage.entrypoint, *(stage.command or [])]

    def _copy(self, instruction: Instruction, stage: _Stage) -> None:
        listed = exec_form(instruction.text)
        names = listed if listed is not None else words(instruction.text, stage.variables)
        *sources, destination = names or [""]
        is_folder = destination.endswith(("/", "/.")) or destination == "."
        if problem := _wrong_words(sources, is_folder):
            self._fault(instruction, f"{instruction.text}: {problem}")
            return
        target, several = stage.file(destination), is_folder
        origin, what, may_be_made = self.context, "the context", False
        if (other := instruction.flags.get("from")) is not None:
            origin_stage = self.stages.get(" ".join(words(other, stage.variables)).lower())
            if origin_stage is None:
                stage.container.unseen.append(f"{instruction.name} --from={other}: that image was not looked at")
                return
            origin, what, may_be_made = origin_stage.root, f"the stage {other}", origin_stage.runs
            # What is copied out of a stage was installed there.
            stage.container.installs += [
                install for install in origin_stage.container.installs if install not in stage.container.installs
            ]
        for source in sources:
            if document := DOCUMENT.fullmatch(source):
                written = _write(target, instruction.documents[document[3]], several, document[3])
                _set_mode(written, instruction.flags.get("chmod", ""))
            elif re.match(r"[a-z]+://|git@", source):
                stage.container.unseen.append(f"ADD {source}: nothing was fetched")
            elif matches := list(_sources(origin, source)):
                excluded = words(instruction.flags.get("exclude", ""), stage.variables)
                for path in matches:
                    left_out = {file for pattern in excluded for file in path.glob(pattern)}
                    own = "parents" in instruction.flags  # its place is the one that it has in the origin
                    place = target / path.relative_to(origin) if own else target
                    self._lay(path, place, not own and (several or len(matches) > 1), instruction, left_out)
            elif may_be_made:
                stage.container.unseen.append(f"COPY --from={other} {source}: a RUN may have made it")
            else:
                self._fault_unless_wildcard(instruction, origin, source, what)

    def _fault_unless_wildcard(self, instruction: Instruction, origin: Path, source: str, what: str) -> None:
        """A source that matches nothing is a fault, unless it is a wildcard in a folder that is there: BuildKit copies
        nothing then and goes on, as in `COPY pyproject.toml poetry.lock* ./` (containers/buildah, issues 5742 and
        6843; without the folder it fails)."""
        parts = _inside(source.lstrip("/"))
        plain = [part for number, part in enumerate(parts) if not re.search(r"[*?\[]", "".join(parts[: number + 1]))]
        if plain == parts or not origin.joinpath(*plain).is_dir() or any(origin.glob("/".join(parts))):
            self._fault(instruction, f"{source}: {what} has no such file")

    def _lay(self, path: Path, target: Path, several: bool, instruction: Instruction, left_out: Set[Path]) -> None:
        """Puts a file, or what a folder holds and is not left out, where COPY does."""
        mode = instruction.flags.get("chmod", "")

        def copy(source: str, place: str) -> None:
            shutil.copy2(source, place)
            _set_mode(Path(place), mode)

        def ignored(folder: str, names: list[str]) -> list[str]:
            return [name for name in names if Path(folder, name) in left_out]

        if path.is_dir():
            shutil.copytree(path, target, ignore=ignored, symlinks=True, dirs_exist_ok=True, copy_function=copy)
            return
        target = target / path.name if several or target.is_dir() else target
        target.parent.mkdir(parents=True, exist_ok=True)
        if instruction.name == "ADD" and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                archive.extractall(target.parent, filter="data")
            return
        shutil.copy2(path, target, follow_symlinks=False)
        _set_mode(target, instruction.flags.get("chmod", ""))

    def _mount(self, options: Mapping[str, str], stage: _Stage) -> None:
        """A file that a RUN sees of the context or of a stage, for the requirements that pip reads of it. It stays in
        the files here, where the image has it no more."""
        target = options.get("target") or options.get("dst") or options.get("destination")
        if options.get("type", "bind") != "bind" or not target or stage.file(target).exists():
            return
        origin_stage = self.stages.get(options.get("from", "").lower())
        origin = origin_stage.root if origin_stage else self.context
        for path in _sources(origin, options.get("source") or options.get("src") or "."):
            if path.is_file():
                stage.file(target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, stage.file(target))

    def _run(self, instruction: Instruction, stage: _Stage) -> None:
        stage.runs = True
        for mount in instruction.flags.get("mount", "").split():
            self._mount(dict(option.partition("=")[::2] for option in mount.split(",")), stage)
        listed = exec_form(instruction.text)
        script = "\n".join(instruction.documents.values())
        text = shlex.join(listed) if listed is not None else script or instruction.text
        # Operators end a command; what stands in quotes is a word.
        for command in _commands(text):
            if not _simulated(command, stage):
                stage.container.unseen.append(f"RUN {shlex.join(command)}")


def _describe(instruction: Instruction, stage: _Stage) -> None:
    """What an instruction says of the containers and does to no file."""
    container, variables = stage.container, stage.variables
    match instruction.name:
        case "ENV":
            container.environment.update(_pairs(instruction.text, variables))
        case "USER":
            container.user = " ".join(words(instruction.text, variables))
        case "EXPOSE":
            container.exposed += words(instruction.text, variables)


def _commands(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    command: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(";&|()"):
                if command:
                    yield command
                command = []
            else:
                command.append(word)
    except ValueError:  # quotes without their end: the shell's matter
        command = [text]
    if command:
        yield command


def _simulated(command: list[str], stage: _Stage) -> bool:
    """Whether a command of a RUN was carried out here, or changes nothing that matters."""
    while command and re.match(r"\w+=", command[0]):
        command = command[1:]
    if not command or command[0] in HARMLESS:
        return True
    if install := _pip_install(command):
        stage.container.installs.append(_installed(install, stage))
        return True
    if stage.locked and _installs_locked(command):
        stage.container.installs.append(_locked_lines(stage.locked))
        return True
    plain = [word for word in command[1:] if not word.startswith("-")]
    if command[0] == "mkdir":
        for name in plain:
            stage.file(name).mkdir(parents=True, exist_ok=True)
        return True
    return command[0] == "chmod" and _changed_mode(command, stage)


def _changed_mode(command: Sequence[str], stage: _Stage) -> bool:
    """Carries a `chmod` out as far as its files are there; says whether they all are."""
    options, plain = list[str](), list[str]()
    for word in command[1:]:
        # `-x` takes a right away, and is no option.
        (options if re.fullmatch(r"-[cfvR]+|--[a-z]+", word) else plain).append(word)
    mode, names = plain[0] if plain else "", plain[1:]
    root, files = stage.file("/"), list[Path]()
    for name in names:
        place = str(stage.place(name)).lstrip("/")
        matches = root.glob(place) if re.search(r"[*?\[]", place) else [root / place]
        paths = [path for path in matches if path.exists()]
        if not paths or any(not path.resolve().is_relative_to(root.resolve()) for path in paths):
            return False
        for path in paths:
            files += [path] if path.is_file() else list(path.rglob("*")) if "R" in "".join(options) else []
    for file in files:
        if file.is_file() and not file.is_symlink():
            _set_mode(file, mode)
    return bool(names)


def _set_mode(file: Path, mode: str) -> None:
    """Gives a file the mode of chmod, as a number or in letters, as far as a rehearsal needs it: whether it can be
    executed. What is copied here stays readable and writable."""
    if re.fullmatch(r"[0-7]{3,4}", mode):
        file.chmod(int(mode[-3:], 8) | stat.S_IRUSR | stat.S_IWUSR)
    elif re.search(r"[+=][rwXst]*x", mode):
        file.chmod(file.stat().st_mode | 0o111)


def _pip_install(command: list[str]) -> list[str]:
    """What a `pip install` in any of its forms is told to install: requirements files, as `-r FILE`, and packages."""
    install = re.match(
        r"(?:(?:\S*/)?python[\d.]* -m )?(?:(?:\S*/)?uv )?(?:\S*/)?pip[\d.]* install (.*)", " ".join(command) + " "
    )
    if not install:
        return []
    result: list[str] = []
    rest = iter(command[command.index("install") + 1 :])
    for word in rest:
        if word in ("-r", "--requirement", "-c", "--constraint"):
            result += [word, next(rest, "")]
        elif inline := re.fullmatch(r"(--requirement|--constraint)=(.*)|(-[rc])(.+)", word):
            result += [inline[1] or inline[3], inline[2] or inline[4]]
        elif word in (
            "--target",
            "-t",
            "--prefix",
            "--index-url",
            "-i",
            "--extra-index-url",
            "--python",
            "--find-links",
        ):
            next(rest, "")
        elif not word.startswith("-"):
            result.append(word)
    tools = ("pip", "setuptools", "wheel", "uv", "poetry", "pipenv", "pdm")
    return result if any(re.split(r"[=<>~!\[ ]", word)[0] not in tools for word in result) else ["pip"]


def _installs_locked(command: Sequence[str]) -> bool:
    """Whether a command installs what a lock file or a pyproject.toml says, as the build has read it already."""
    tool = PurePosixPath(command[2] if command[1:2] == ["-m"] and len(command) > 2 else command[0]).name
    rest = [word for word in command[1:] if not word.startswith("-")]
    verbs = {"uv": ("sync",), "poetry": ("install", "sync"), "pdm": ("install", "sync"), "pipenv": ("install", "sync")}
    return any(verb in rest for verb in verbs.get(tool, ()))


def _locked_lines(file: Path) -> list[str]:
    """The lines of the requirements that a build has left, with the places of the packages beside them."""
    lines = _requirements(file, file.parent)
    return [f"{file.parent}/{line[2:]}" if line.startswith("./wheels/") else line for line in lines]


def _installed(install: Sequence[str], stage: _Stage) -> list[str]:
    """What a `pip install` names, with the lines of the files that it reads: another stage has only what was installed,
    and not these files."""
    result: list[str] = []
    rest = iter(install)
    for word in rest:
        if word in ("-r", "--requirement", "-c", "--constraint"):
            name = next(rest, "")
            file = stage.file(name)
            lines = _requirements(file, stage.root) if file.is_file() else [word, name]
            result += [_with_place(line, stage) for line in lines]
        else:
            result.append(_place_of(word, stage))
    return result


def _requirements(file: Path, root: Path) -> list[str]:
    """The lines of a file of requirements and of those that it names, as far as they are files of the image."""
    if not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
        return []
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        other = re.match(r"\s*(?:-r|-c|--requirement|--constraint)[ =]*([^\s#]+)", line)
        lines += _requirements(file.parent / other[1], root) if other and "://" not in other[1] else [line]
    return lines


def _with_place(line: str, stage: _Stage) -> str:
    """A line of requirements with the image's place of what it names: pip looks from the folder that it runs in."""
    match = re.fullmatch(r"(.*--find-links[ =]+|.*-f +|)(\.{0,2}[\w./-]+)(.*)", line)
    if not match or not (match[1] or match[2].startswith(("./", "../"))):
        return line
    return f"{match[1]}{stage.place(match[2])}{match[3]}" if stage.file(match[2]).exists() else line


def _place_of(word: str, stage: _Stage) -> str:
    """A file or folder that the image has as its absolute path in it. pip takes for a path only what has a slash or is
    `.` (pip's documentation, "pip install"): `redis` is the package, whatever folder is called so."""
    is_path = word == "." or "/" in word
    return str(stage.place(word)) if is_path and stage.file(word).exists() else word


def _pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """`ENV NAME=value ...`, or the older form `ENV NAME value`."""
    if not re.match(r"[^\s=]+=", text):
        name, _, value = text.partition(" ")
        return {name: " ".join(words(value, variables))}
    return {name: value for name, _, value in (word.partition("=") for word in words(text, variables))}


def _command_words(text: str, shell: Sequence[str]) -> list[str]:
    listed = exec_form(text)
    return listed if listed is not None else [*shell, text]


def _sources(origin: Path, source: str) -> Iterator[Path]:
    """The files of a source with its wildcards; nothing outside of its origin."""
    name = str(PurePosixPath(source)).lstrip("/")
    parts = _inside(name)
    plain = origin.joinpath(*parts)
    matches = [plain]
    if not (plain.exists() or plain.is_symlink()):
        matches = sorted(origin.glob("/".join(parts))) if parts and re.search(r"[*?\[]", name) else []
    # A builder follows links inside of the context alone.
    yield from (path for path in matches if path.resolve().is_relative_to(origin.resolve()))


def _inside(name: str) -> list[str]:
    """The parts of a source. What leads out of its origin is left off ("Dockerfile reference", COPY: `../something` is
    `something`)."""
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return parts


def _wrong_words(sources: Sequence[str], is_folder: bool) -> str:
    """What is wrong with the sources of a COPY or ADD, whose destination is written as a folder or not."""
    if not sources:
        return "it takes sources and a destination"
    return "with more than one source the destination ends with a /" if len(sources) > 1 and not is_folder else ""


def _write(target: Path, text: str, several: bool, name: str) -> Path:
    target = target / name if several or target.is_dir() else target
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target
