const { heading } = require("./heading.js");

test("counts", () => {
  if (heading(["a", "b"]) !== "2 notes") throw new Error("wrong");
});
