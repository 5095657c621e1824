"""What every HTTP app here shares: operations and their OpenAPI, errors, guard, health, serving."""
