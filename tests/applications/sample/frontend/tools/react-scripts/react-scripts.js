#!/usr/bin/env node
// Stands in for react-scripts 5: the same two commands, outputs and habits, without 1,400 packages.
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");

const root = process.cwd();
const [command, ...options] = process.argv.slice(2);

// Warnings are errors when CI is set to anything but false.
function warnings(files) {
  const found = files.filter((file) => file.startsWith("src/") && /\bconsole\./.test(read(file)));
  if (!found.length) return;
  console.log(found.map((file) => `${file}: Unexpected console statement  no-console`).join("\n"));
  if (process.env.CI && process.env.CI.toLowerCase() !== "false") {
    console.log("Treating warnings as errors because process.env.CI = true.");
    process.exit(1);
  }
}

const read = (file) => fs.readFileSync(path.join(root, file), "utf8");

function resolve(from, name) {
  const target = name.startsWith(".") ? path.resolve(root, path.dirname(from), name) : name;
  return path.relative(root, require.resolve(target, { paths: [root] }));
}

// Collects a module and what it requires; the environment is compiled in, as react-scripts does it.
function collect(file, modules = {}) {
  if (file in modules) return modules;
  modules[file] = { needs: {}, code: "" };
  const code = read(file)
    .replace(/process\.env\.NODE_ENV/g, '"production"')
    .replace(/"production" === "production"/g, "true")
    .replace(/process\.env\.(REACT_APP_\w+)/g, (_, name) => JSON.stringify(process.env[name]));
  for (const [, name] of code.matchAll(/require\(["']([^"']+)["']\)/g)) {
    if (name.endsWith(".development.js")) continue;
    modules[file].needs[name] = resolve(file, name);
    collect(modules[file].needs[name], modules);
  }
  modules[file].code = code;
  return modules;
}

function hashed(folder, extension, text) {
  const hash = crypto.createHash("sha256").update(text).digest("hex").slice(0, 8);
  const name = `static/${folder}/main.${hash}.${extension}`;
  fs.mkdirSync(path.join(root, "build/static", folder), { recursive: true });
  fs.writeFileSync(path.join(root, "build", name), text);
  return `/${name}`;
}

function build() {
  console.log("Creating an optimized production build...");
  const modules = collect("src/index.js");
  warnings(Object.keys(modules));
  const parts = Object.entries(modules).map(
    ([file, { needs, code }]) =>
      `${JSON.stringify(file)}: [${JSON.stringify(needs)}, function (module, exports, require) {\n${code}\n}]`
  );
  const script = `(function (all) {
const made = {};
function load(file) {
  if (!made[file]) {
    made[file] = { exports: {} };
    all[file][1](made[file], made[file].exports, (name) => load(all[file][0][name]));
  }
  return made[file].exports;
}
load("src/index.js");
})({${parts.join(",\n")}});
`;
  fs.rmSync(path.join(root, "build"), { recursive: true, force: true });
  fs.cpSync(path.join(root, "public"), path.join(root, "build"), { recursive: true });
  const js = hashed("js", "js", script);
  const css = hashed("css", "css", read("src/index.css"));
  const page = read("public/index.html").replace(
    "</head>",
    `<script defer="defer" src="${js}"></script><link href="${css}" rel="stylesheet"></head>`
  );
  fs.writeFileSync(path.join(root, "build/index.html"), page);
  const manifest = { files: { "main.js": js, "main.css": css, "index.html": "/index.html" }, entrypoints: [css, js] };
  fs.writeFileSync(path.join(root, "build/asset-manifest.json"), JSON.stringify(manifest, null, 2));
  console.log(`Compiled ${parts.length} modules into build/.`);
}

// Runs src/**/*.test.js with a global `test`, and writes what Jest's --json --outputFile writes.
async function test() {
  const files = fs
    .readdirSync(path.join(root, "src"), { recursive: true })
    .filter((file) => file.endsWith(".test.js"))
    .map((file) => path.join(root, "src", file));
  if (!files.length) {
    console.log("No tests found, exiting with code 1");
    process.exit(1);
  }
  const testResults = [];
  for (const name of files) {
    const cases = [];
    const assertionResults = [];
    global.test = (fullName, run) => cases.push({ fullName, run });
    require(name);
    for (const { fullName, run } of cases) {
      const failureMessages = [];
      await Promise.resolve()
        .then(run)
        .catch((error) => failureMessages.push(String(error.stack)));
      const status = failureMessages.length ? "failed" : "passed";
      console.log(`${status} ${fullName}`);
      assertionResults.push({ fullName, status, failureMessages, duration: 1 });
    }
    const failed = assertionResults.some((result) => result.status === "failed");
    testResults.push({ name, status: failed ? "failed" : "passed", message: "", assertionResults });
  }
  const success = testResults.every((result) => result.status === "passed");
  const output = options.find((option) => option.startsWith("--outputFile="));
  if (output) fs.writeFileSync(output.slice("--outputFile=".length), JSON.stringify({ success, testResults }));
  process.exit(success ? 0 : 1);
}

({ build, test })[command]();
