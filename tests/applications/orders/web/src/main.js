import "./main.css";
import { label } from "./label.js";

const root = document.getElementById("root");
fetch(`${import.meta.env.VITE_API_URL}/orders/3`)
  .then((answer) => answer.json())
  .then((order) => {
    root.textContent = label(order);
  });
