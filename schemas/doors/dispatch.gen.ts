// Generated from schemas/doors/dispatch.yaml by `npm run gen`. Do not edit.
export const document = {
 "openapi": "3.1.0",
 "info": {
  "title": "Gantry dispatch",
  "version": "1",
  "description": "Hand in work, ask how it is, cancel it, and see who does it."
 },
 "paths": {}
};
