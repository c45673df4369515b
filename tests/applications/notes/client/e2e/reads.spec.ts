import { test } from "@playwright/test";

test("reads", async () => {});
