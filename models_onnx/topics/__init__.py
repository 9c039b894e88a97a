"""Interest topics: latent Dirichlet allocation over the words of what users buy and look at."""
