from studio.embedded.start import main

main()
