"""tinycnn doctor: is everything in place on this machine?"""


def add(commands):
    parser = commands.add_parser(
        "doctor", help="versions, BLAS, GPU, and a self-test of two seconds",
        description="Say what is installed, what computes, whether a GPU can be used and if not why, and test all that "
                    "training needs. The status is 1 if the self-test fails.")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn import doctor

    findings = doctor.examine()
    print(doctor.report(findings))
    return 0 if doctor.healthy(findings) else 1
