fetch(`${process.env.REACT_APP_API_URL}/tickets`)
  .then((answer) => answer.json())
  .then((tickets) => {
    document.getElementById("root").textContent = `${tickets.length} tickets`;
  });
