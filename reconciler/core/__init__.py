"""Pure decisions: validate, normalize, fingerprint, diff, decide, guard, plan. No disk, network, clock or chance."""
