import { expect, test } from "vitest";
import { label } from "./label.js";

test("an order has its price", () => {
  expect(label({ amount: 3, total: 750 })).toBe("3 for 7.50");
});
