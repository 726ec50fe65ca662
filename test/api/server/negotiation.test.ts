import { expect } from 'chai';
import { objectForm, requireJson } from '../../../api/server/objects/negotiation.ts';
import { isApiError } from '../../../machinery/errors.ts';

const TABLE_OF_KUBECTL =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';

describe('what an Accept header asks for', () => {
  const rows: readonly (readonly [accept: string, form: unknown])[] = [
    ['', { kind: 'object' }],
    ['*/*', { kind: 'object' }],
    ['application/json', { kind: 'object' }],
    ['application/json; charset=utf-8', { kind: 'object' }],
    ['application/json;stream=watch', { kind: 'object' }],
    ['application/vnd.kubernetes.protobuf, */*', { kind: 'object' }],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', { kind: 'object' }],
    [TABLE_OF_KUBECTL, { kind: 'table', apiVersion: 'meta.k8s.io/v1' }],
    [
      'application/json;as=Table;v=v1beta1;g=meta.k8s.io',
      { kind: 'table', apiVersion: 'meta.k8s.io/v1beta1' },
    ],
    ['application/json;as=Table;v=v9;g=meta.k8s.io,application/json', { kind: 'object' }],
    [
      'application/json;q=0.5,application/json;as=Table;v=v1;g=meta.k8s.io',
      { kind: 'table', apiVersion: 'meta.k8s.io/v1' },
    ],
    [
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
      { kind: 'partial', apiVersion: 'meta.k8s.io/v1' },
    ],
  ];
  for (const [accept, form] of rows) {
    it(`"${accept}"`, () => expect(objectForm(accept)).to.deep.equal(form));
  }

  for (const accept of [
    'text/html',
    'application/vnd.kubernetes.protobuf',
    'application/json;q=0',
    'application/yaml',
  ]) {
    it(`"${accept}" cannot be had`, () => {
      expect(() => objectForm(accept)).to.throw('only the following media types are accepted');
      try {
        requireJson(accept);
        expect.fail('was accepted');
      } catch (error) {
        expect(isApiError(error, 'NotAcceptable')).to.equal(true);
      }
    });
  }
});
