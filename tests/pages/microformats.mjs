// Reads [[address, HTML], …] and writes what the pages say in microformats.
import { mf2 } from "microformats-parser";
import { readFileSync } from "node:fs";

const pages = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(pages.map(([baseUrl, html]) => mf2(html, { baseUrl }).items)));
