// Owns the promises about reading JSON: the same values as JSON.parse, and a place for every mistake.

import t from 'tap'
import { parseJson } from '../../src/config/json.ts'

t.test('what JSON.parse accepts is read the same way', async (t) => {
  for (const text of [
    '{}',
    ' [ ] ',
    'null',
    'true',
    '-1.5e+3',
    '0',
    '"a\\u00fc\\n\\"\\\\/"',
    '"\u007f☃🔑"',
    '{"a": {"b": [1, 2, {"c": null}]}, "": false}',
    '\t\r\n{"a":1}\n',
  ]) {
    t.same(parseJson(text), { value: JSON.parse(text) }, text)
  }
})

t.test('a name of the object prototype is a name like any other', async (t) => {
  const result = parseJson('{"__proto__": {"polluted": true}}')
  t.ok('value' in result && Object.hasOwn(Object(result.value), '__proto__'))
  t.notOk('polluted' in {})
})

t.test('what JSON.parse refuses is refused, with line and column', async (t) => {
  const mistakes: readonly (readonly [string, string])[] = [
    ['', 'JSON that ends too early at line 1, column 1'],
    ['{"a": 1', 'JSON that ends too early at line 1, column 8'],
    ['{"a": 1,\n}', 'JSON without a name in double quotes at line 2, column 1'],
    ['[1,]', 'JSON without a value at line 1, column 4'],
    ['[1 2]', 'JSON without a comma or a closing bracket at line 1, column 4'],
    ['{"a" 1}', 'JSON without a colon at line 1, column 6'],
    ['{"a": 1 "b": 2}', 'JSON without a comma or a closing brace at line 1, column 9'],
    ['{a: 1}', 'JSON without a name in double quotes at line 1, column 2'],
    ["{'a': 1}", 'JSON without a name in double quotes at line 1, column 2'],
    ['{"a": x}', 'JSON without a value at line 1, column 7'],
    ['{"a": "x\ny"}', 'JSON without a value at line 1, column 7'],
    ['{"a": "\\x"}', 'JSON without a value at line 1, column 7'],
    ['// comment\n{}', 'JSON without a value at line 1, column 1'],
    ['{} {}', 'JSON without an end at line 1, column 4'],
    ['01', 'JSON without an end at line 1, column 2'],
  ]
  for (const [text, mistake] of mistakes) {
    t.throws(() => JSON.parse(text), text)
    t.same(parseJson(text), { mistake }, text)
  }
})

t.test('a name that appears twice is a mistake, in one object only', async (t) => {
  t.same(parseJson('{"a": 1, "a": 2}'), { mistake: 'JSON with the same name twice at line 1, column 10' })
  t.same(parseJson('[{"a": 1}, {"a": 2}]'), { value: [{ a: 1 }, { a: 2 }] })
})

t.test('depth is limited', async (t) => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  t.match(parseJson(nested(20)), { value: [] })
  t.match(parseJson(nested(100_000)), { mistake: /nested too deeply/ })
})

t.test('a long text is no trouble', async (t) => {
  const text = JSON.stringify('x'.repeat(1024 * 1024))
  t.ok('value' in parseJson(text))
  t.ok('mistake' in parseJson(text.slice(0, -1)))
})
