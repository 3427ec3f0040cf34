"""Training on a machine with a GPU that is lent for minutes and reached by nothing but two archives: the
archives are packed here, everything is trained there side by side, and what comes back is unpacked here."""
