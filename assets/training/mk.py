import json
arch=dict(n_embd=128,n_head=4,n_layer=3,n_positions=256)
base=dict(seed=1,numbers=100,latents=4,architecture=arch,lr_matrices=0.02,lr_others=0.003,batch=128,batch_rows=64,has_direct=False,step_decoder_loss=0.0)
def stages(d, a=0.97):
    return [
     dict(data=d,lr=1.0,latents={"written":1.0},advance=0.98,max=600),
     dict(data=d,lr=0.4,latents={"written":1.0},advance=0.96,max=2000),
     dict(data=d,lr=0.4,latents={"1":0.85,"written":0.15},advance=0.93,max=600),
     dict(data=d,lr=0.4,latents={"2":0.75,"1":0.1,"written":0.15},advance=0.88,max=800),
     dict(data=d,lr=0.4,latents={"3":0.7,"2":0.1,"1":0.05,"written":0.15},advance=0.85,max=600),
     dict(data=d,lr=0.4,latents={"4":0.7,"3":0.05,"2":0.05,"1":0.05,"written":0.15},advance=0.85,max=600),
     dict(data=d,lr=0.4,latents={"4":0.7,"3":0.05,"2":0.05,"1":0.05,"written":0.15},advance=2,max=450),
    ]
md={"math.jsonl":1.0}
R={}
R["mini-math"]=dict(base,task="math",order="result-first",held_out="math-held-out.jsonl",phases=stages(md))
R["mini-math-sim"]=dict(base,task="math",order="operands-first",held_out="math-held-out.jsonl",step_decoder_loss=1.0,phases=stages(md))
mix={"direct":0.3,"written":0.3,"4":0.25,"3":0.05,"2":0.05,"1":0.05}
R["mini-math-idle"]=dict(base,task="math",order="result-first",held_out="math-held-out.jsonl",has_direct=True,phases=[dict(data=md,lr=1.0,latents=mix,advance=2,max=450,judge="direct"),dict(data=md,lr=0.4,latents=mix,advance=2,max=500,judge="direct"),dict(data=md,lr=0.4,latents=mix,advance=2,max=300,judge="direct")])
for n,r in R.items(): open(f"recipes/{n}.json","w").write(json.dumps(r,indent=1)+"\n")
ld0={"logic-0.jsonl":1.0}; ld1={"logic-1.jsonl":0.8,"logic-0.jsonl":0.2}; ld2={"logic-2.jsonl":0.8,"logic-1.jsonl":0.1,"logic-0.jsonl":0.1}
L=[dict(data=ld0,lr=1.0,latents={"written":1.0},advance=0.97,max=300),
   dict(data=ld0,lr=0.4,latents={"written":1.0},advance=0.97,max=3000),
   dict(data=ld1,lr=0.5,latents={"written":1.0},advance=0.96,max=4000)]+stages(ld2)
for p in L[3:]: p["advance"]=p["advance"]
R["mini-logic"]=dict(base,task="logic",order="result-first",numbers=0,held_out="logic-held-out.jsonl",phases=L)
open("recipes/mini-logic.json","w").write(json.dumps(R["mini-logic"],indent=1)+"\n")
