const { heading } = require("./heading.js");

fetch(`${process.env.REACT_APP_API_URL}/notes`)
  .then((answer) => answer.json())
  .then((notes) => {
    document.getElementById("root").textContent = heading(notes);
  });
