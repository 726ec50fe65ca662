// Generated from schemas/doors/tasks.yaml by `npm run gen`. Do not edit.
export const document = {
 "openapi": "3.1.0",
 "info": {
  "title": "Gantry tasks",
  "version": "1",
  "description": "The plain API of a task manager and its workers."
 },
 "paths": {}
};
