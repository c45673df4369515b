const React = require("react");

const API = process.env.REACT_APP_BASE_URL || "/api/v1";
const VERSION = process.env.REACT_APP_VERSION || "development";

function App() {
  const [answer, setAnswer] = React.useState("asking");
  React.useEffect(() => {
    fetch(`${API}/email/verify?token=x`)
      .then((response) => setAnswer(`${new URL(response.url).origin} answered ${response.status}`))
      .catch((error) => setAnswer(`no answer: ${error.message}`));
  }, []);
  return React.createElement(
    "main",
    null,
    React.createElement("h1", null, "Sample dashboard"),
    React.createElement("p", { id: "page" }, window.location.pathname),
    React.createElement("p", { id: "version" }, VERSION),
    React.createElement("p", { id: "api" }, answer)
  );
}

console.warn("App.js has a line that a linter warns about");
module.exports = App;
