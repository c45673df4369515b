document.getElementById("root").textContent = "Nothing is asked of a server.";
