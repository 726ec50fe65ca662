// Generated from schemas/doors/jobs.yaml by `npm run gen`. Do not edit.
export const document = {
 "openapi": "3.1.0",
 "info": {
  "title": "Gantry jobs",
  "version": "1",
  "description": "See, trigger and steer scheduled jobs."
 },
 "paths": {}
};
