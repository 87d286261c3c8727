#!/usr/bin/env node
// One object on stdin, one on stdout, exit code 0.
import { readFileSync } from 'node:fs';

const { arguments: { text } } = JSON.parse(readFileSync(0, 'utf8'));

const counted = {
  lines: text === '' ? 0 : text.replace(/\n$/, '').split('\n').length,
  words: text.split(/\s+/).filter(Boolean).length,
  characters: [...text].length,
};

process.stdout.write(JSON.stringify({
  content: `${counted.lines} lines, ${counted.words} words, ${counted.characters} characters`,
  structuredContent: counted,
}));
